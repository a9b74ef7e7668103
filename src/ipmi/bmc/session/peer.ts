import type { DatagramPeer } from '../../../ports/index.ts';

/** "10.0.0.7:50123", "[fe80::1]:50123". */
export const peerText = ({ address, port }: DatagramPeer): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

export const samePeer = (a: DatagramPeer, b: DatagramPeer): boolean =>
  a.port === b.port && a.address === b.address;

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The address of IPv4, also where a socket of IPv6 heard it. */
export const ipv4Of = (address: string): string | undefined =>
  address.includes(':') ? MAPPED.exec(address)?.[1] : address;

/** Whom limits count: an address of IPv4; of IPv6 its first 64 bits, as one machine has all of what follows them. */
export function countedAs(address: string): string {
  const ipv4 = ipv4Of(address);
  if (ipv4 !== undefined) return ipv4;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const end = tail === '' ? [] : tail.split(':');
    while (groups.length + end.length < 8) groups.push('0');
    groups.push(...end);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
