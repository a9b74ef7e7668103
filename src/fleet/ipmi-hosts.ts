import { suggest } from '../base/index.ts';
import { expandHosts, hostsInvalid, MAX_HOSTS, splitOutside } from './host-range.ts';
import type { IpmiConfig, IpmiHost } from './ipmi-config.ts';

/** One BMC: the name it is shown under, and how to get at it. */
export interface IpmiTarget extends IpmiHost {
  readonly name: string;
  readonly port: number;
}

export const IPMI_PORT = 623;
const MAX_DEPTH = 8;
const PORT = /^(.*):(\d{1,5})$/;
/** "[fe80::1]" or "[fe80::1]:623": a colon tells it from a range. */
const BRACKETED = /^\[([0-9a-fA-F.]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?)\](?::(\d{1,5}))?$/;

/**
 * The BMCs that a text means: names of the section `ipmi` of the configuration, ranges and lists of them, "@group",
 * "@all" for every one of the section; and plain addresses, "10.0.0.7", "10.0.0.7:9623", "bmc7.example", "bmc7:623",
 * "[fe80::1]:623". NS_HOSTS_INVALID for a name that is neither, with the nearest one that is known.
 */
export function resolveIpmiHosts(
  text: string,
  ipmi: IpmiConfig,
  groups: Readonly<Record<string, string>> = {},
): readonly IpmiTarget[] {
  const found = new Map<string, IpmiTarget>();
  const add = (name: string, depth: number): void => {
    if (name.startsWith('@')) {
      for (const member of membersOf(text, name, depth, ipmi, groups)) add(member, depth + 1);
      return;
    }
    found.set(name, targetOf(text, name, ipmi));
    if (found.size > MAX_HOSTS) throw hostsInvalid(text, `it stands for more than ${MAX_HOSTS} hosts`);
  };
  for (const part of splitOutside(text)) {
    const trimmed = part.trim();
    if (BRACKETED.test(trimmed)) add(trimmed, 0);
    else for (const name of expandHosts(trimmed)) add(name, 0);
  }
  if (found.size === 0) throw hostsInvalid(text, 'the configuration has no IPMI hosts');
  return [...found.values()];
}

function membersOf(
  text: string,
  name: string,
  depth: number,
  ipmi: IpmiConfig,
  groups: Readonly<Record<string, string>>,
): readonly string[] {
  const group = name.slice(1);
  const range = Object.hasOwn(groups, group) ? groups[group] : undefined;
  if (range !== undefined) {
    if (depth >= MAX_DEPTH) throw hostsInvalid(text, `the groups behind "${name}" name each other`);
    return expandHosts(range);
  }
  if (group === 'all') return [...ipmi.hosts.keys()];
  throw unknown(text, 'group', group, [...Object.keys(groups), 'all']);
}

function targetOf(text: string, name: string, ipmi: IpmiConfig): IpmiTarget {
  const entry = ipmi.hosts.get(name);
  if (entry !== undefined) return { ...entry, ...addressOf(text, entry.address, entry.port), name };
  if (!/[.:]/.test(name) && name !== 'localhost')
    throw unknown(text, 'IPMI host', name, [...ipmi.hosts.keys()]);
  return { ...ipmi.defaults, ...addressOf(text, name, ipmi.defaults.port), name };
}

/** A port that is written behind an address wins. */
function addressOf(
  text: string,
  written: string,
  usual: number = IPMI_PORT,
): { readonly address: string; readonly port: number } {
  const bracketed = BRACKETED.exec(written);
  const plain = bracketed === null && /^[^:]*:\d+$/.test(written) ? PORT.exec(written) : null;
  const [, address = written, digits] = bracketed ?? plain ?? [];
  const port = digits === undefined ? usual : Number(digits);
  if (port < 1 || port > 65_535) throw hostsInvalid(text, `${digits} is no port`);
  if (address === '' || /[^\w.:%-]/.test(address)) throw hostsInvalid(text, `"${written}" is no address`);
  return { address, port };
}

function unknown(whole: string, kind: string, name: string, known: readonly string[]): Error {
  const near = suggest(name, known);
  const hint =
    near !== undefined
      ? `; did you mean "${kind === 'group' ? '@' : ''}${near}"?`
      : kind === 'group'
        ? ''
        : '; a plain address has a dot or a port, as in bmc7:623';
  return hostsInvalid(whole, `no ${kind} "${name}" stands in the configuration${hint}`);
}
