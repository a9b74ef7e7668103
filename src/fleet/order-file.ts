import { LIMITS } from '../protocol/index.ts';
import { type Draft, type Keyring, readDraft } from '../security/index.ts';
import { LARGEST_ARMOURED } from './armour.ts';
import { PacketFile, type Packets } from './packet-file.ts';

/** Orders for two people, as a file that goes from one to the other: one signed packet for each host. */
export type OrderFile = Packets;

/** Characters. */
export const LARGEST_ORDER_FILE = LARGEST_ARMOURED;
const FILE = new PacketFile({
  mark: 'ORDERS',
  noun: 'orders',
  code: 'NS_ORDER_FILE',
  field: 'orders',
  // As many as one command has hosts.
  mostPackets: 4096,
  largestPacket: LIMITS.order,
});

export function encodeOrderFile(file: OrderFile): string {
  return FILE.encode(file);
}

/** NS_ORDER_FILE says what is wrong. */
export function decodeOrderFile(text: string): OrderFile {
  return FILE.decode(text);
}

/**
 * The orders of a file, judged by the keys of people that are known here. NS_ORDER_FILE names the first that no device
 * would obey, whoever signs it beside, and a host that is named twice.
 */
export function readOrderFile(file: OrderFile, people: Keyring): readonly Draft[] {
  const hosts = new Set<string>();
  return file.packets.map((packet, n) => {
    const draft = readDraft(packet, people, file.tenant);
    if (!draft.ok) {
      const { code, sentence } = draft.refusal;
      throw FILE.unreadable(`order ${n + 1} of ${file.packets.length}: ${code}: ${sentence}`);
    }
    const { to, name } = draft.value.order.aud;
    if (to !== 'device')
      throw FILE.unreadable(`order ${n + 1} is for a group; orders here are for single hosts`);
    if (hosts.has(name)) throw FILE.unreadable(`there are two orders for "${name}"`);
    hosts.add(name);
    return draft.value;
  });
}
