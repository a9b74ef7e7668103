import { BlockList, isIP } from 'node:net';
import { NsError } from '../../base/index.ts';

/** A name space that a site's authority may certify brokers in: a domain with all below it, or a range of addresses. */
export type Permit =
  | { readonly is: 'domain'; readonly domain: string }
  | { readonly is: 'range'; readonly address: string; readonly prefix: number };

const DOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** "site.example", "10.0.0.0/8", "192.0.2.7", "fd00::/8". NS_USAGE for anything else. */
export function readPermit(text: string): Permit {
  const [address = '', length, ...rest] = text.split('/');
  const family = isAddress(address) ? isIP(address) : 0;
  if (family === 0) {
    if (length !== undefined || !isDomain(text))
      throw usage(`"${text}" is no domain and no range of addresses`);
    return { is: 'domain', domain: text.toLowerCase() };
  }
  const widest = family === 4 ? 32 : 128;
  const prefix = length === undefined ? widest : Number(length);
  if (rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)) || prefix > widest) {
    throw usage(`"${text}" is no range of addresses`);
  }
  return { is: 'range', address, prefix };
}

/** Without a zone: that is one machine's own word for a network. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

export function isDomain(text: string): boolean {
  return isIP(text) === 0 && DOMAIN.test(text);
}

/** Whether an authority with these permits may certify the name or address. */
export function isPermitted(name: string, permits: readonly Permit[]): boolean {
  const family = isIP(name);
  return permits.some((permit) => {
    if (permit.is === 'domain') {
      const lower = name.toLowerCase();
      return family === 0 && (lower === permit.domain || lower.endsWith(`.${permit.domain}`));
    }
    if (family === 0) return false;
    const list = new BlockList();
    list.addSubnet(permit.address, permit.prefix, isIP(permit.address) === 4 ? 'ipv4' : 'ipv6');
    return isIP(permit.address) === family && list.check(name, family === 4 ? 'ipv4' : 'ipv6');
  });
}

/**
 * RFC 5280, section 4.2.1.10, as lines of an openssl configuration. A kind of name without a permit would be free: it
 * is excluded. `always` is a domain that is permitted besides.
 */
export function constraintLines(permits: readonly Permit[], always: string): string[] {
  const domains = [always, ...permits.flatMap((one) => (one.is === 'domain' ? [one.domain] : []))];
  const ranges = permits.flatMap((one) => (one.is === 'range' ? [one] : []));
  const none = [
    [4, '0.0.0.0/0.0.0.0'],
    [6, '::/::'],
  ].filter(([family]) => !ranges.some(({ address }) => isIP(address) === family));
  return [
    ...domains.map((domain, n) => `permitted;DNS.${n} = ${domain}`),
    ...ranges.map(({ address, prefix }, n) => `permitted;IP.${n} = ${address}/${maskOf(address, prefix)}`),
    ...none.map(([, range], n) => `excluded;IP.${n} = ${String(range)}`),
  ];
}

function maskOf(address: string, prefix: number): string {
  const bits = isIP(address) === 4 ? 32 : 128;
  const digits = '1'.repeat(prefix).padEnd(bits, '0');
  const parts = digits.match(bits === 32 ? /.{8}/g : /.{16}/g) ?? [];
  return bits === 32
    ? parts.map((part) => Number.parseInt(part, 2)).join('.')
    : parts.map((part) => Number.parseInt(part, 2).toString(16)).join(':');
}

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}
