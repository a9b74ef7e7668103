import { hostsInvalid, splitOutside } from './host-range.ts';

/** The hosts of a command, as they were typed. */
export interface HostChoice {
  /** A range, in which "^FILE" is a list of hosts in a file and "^-" one on standard input. */
  readonly hosts: string;
  /** A range of those that are left out. */
  readonly allBut: string | undefined;
}

const LIST = '^';

/** One range out of a list: a host, range or @group a word, "#" begins a remark. NS_HOSTS_INVALID where it has none. */
function rangeIn(list: string, name: string): string {
  const words = list
    .replaceAll(/#.*/g, '')
    .split(/\s+/)
    .map((word) => word.replace(/^,/, '').replace(/,$/, ''))
    .filter((word) => word !== '');
  // An empty list is a slip more often than a wish, and after --all-but it would mean all hosts.
  if (words.length === 0) throw hostsInvalid(name, 'the list is empty');
  const range = words.join(',');
  if (splitOutside(range).some((part) => part.startsWith(LIST))) {
    throw hostsInvalid(name, 'a list names no other list');
  }
  return range;
}

async function withLists(range: string, read: (name: string) => Promise<string>): Promise<string> {
  const parts: string[] = [];
  for (const part of splitOutside(range)) {
    const name = part.trim();
    parts.push(name.startsWith(LIST) ? rangeIn(await read(name.slice(LIST.length)), name) : part);
  }
  return parts.join(',');
}

/**
 * The hosts that are meant: those of the range less those that are left out. `read` gives the text of a list, "-" being
 * standard input. NS_HOSTS_INVALID where nobody is left.
 */
export async function chooseHosts<T>(
  { hosts, allBut }: HostChoice,
  read: (name: string) => Promise<string>,
  resolve: (range: string) => readonly T[],
  nameOf: (host: T) => string,
): Promise<T[]> {
  const chosen = resolve(await withLists(hosts, read));
  if (allBut === undefined) return [...chosen];
  const out = new Set(resolve(await withLists(allBut, read)).map(nameOf));
  const left = chosen.filter((host) => !out.has(nameOf(host)));
  if (left.length === 0) throw hostsInvalid(hosts, 'all of them are left out by --all-but');
  return left;
}
