import { suggest } from '../base/index.ts';
import { expandHosts, hostsInvalid, MAX_HOSTS } from './host-range.ts';

/** What names stand for on this operator's machine. */
export interface Inventory {
  /** Names of the devices whose public keys are known. */
  readonly devices: readonly string[];
  /** Group name to a host range, which may name other groups. */
  readonly groups: Readonly<Record<string, string>>;
}

const MAX_DEPTH = 8;

function unknown(whole: string, kind: 'device' | 'group', name: string, known: readonly string[]): Error {
  const near = suggest(name, known);
  const hint = near === undefined ? '' : `; did you mean "${kind === 'group' ? '@' : ''}${near}"?`;
  return hostsInvalid(whole, `no ${kind} "${name}" stands in the configuration${hint}`);
}

/**
 * The devices that a range means: names, brackets, "@group", and "@all" for every device in the configuration.
 * NS_HOSTS_INVALID where a name is not known, with the nearest one that is.
 */
export function resolveHosts(text: string, inventory: Inventory): string[] {
  const names = new Set<string>();
  const known = new Set(inventory.devices);
  const add = (name: string, depth: number): void => {
    if (!name.startsWith('@')) {
      if (!known.has(name)) throw unknown(text, 'device', name, inventory.devices);
      names.add(name);
      return;
    }
    const group = name.slice(1);
    const range = Object.hasOwn(inventory.groups, group) ? inventory.groups[group] : undefined;
    if (range !== undefined) {
      if (depth >= MAX_DEPTH) throw hostsInvalid(text, `the groups behind "${name}" name each other`);
      for (const member of expandHosts(range)) add(member, depth + 1);
    } else if (group === 'all') for (const device of inventory.devices) names.add(device);
    else throw unknown(text, 'group', group, [...Object.keys(inventory.groups), 'all']);
    if (names.size > MAX_HOSTS) throw hostsInvalid(text, `it stands for more than ${MAX_HOSTS} hosts`);
  };
  for (const name of expandHosts(text)) add(name, 0);
  if (names.size === 0) throw hostsInvalid(text, 'the configuration has no devices');
  return [...names];
}
