import * as v from 'valibot';
import { NsError } from '../base/index.ts';
import { LIMITS, NAME, parseMessage } from '../protocol/index.ts';
import { type Draft, type Keyring, readDraft } from '../security/index.ts';
import { type Armour, LARGEST_ARMOURED, putArmour, takeArmour } from './armour.ts';

/** Orders for two people, as a file that goes from one to the other. */
export interface OrderFile {
  readonly tenant: string;
  /** One signed packet for each host. */
  readonly packets: readonly Uint8Array[];
}

/** As many as one command has hosts. */
const MOST_ORDERS = 4096;
/** Characters. */
export const LARGEST_ORDER_FILE = LARGEST_ARMOURED;
const ARMOUR: Armour = {
  mark: 'ORDERS',
  noun: 'orders',
  code: 'NS_ORDER_FILE',
  mostItems: MOST_ORDERS + 16,
};

const shape = v.strictObject({
  v: v.literal(1),
  tenant: v.pipe(v.string(), v.regex(NAME)),
  orders: v.pipe(
    v.array(
      v.pipe(
        v.instance(Uint8Array),
        v.check((packet) => packet.byteLength <= LIMITS.order),
      ),
    ),
    v.minLength(1),
    v.maxLength(MOST_ORDERS),
  ),
});

function unreadable(why: string): NsError {
  return new NsError('NS_ORDER_FILE', why, { family: 'caller' });
}

export function encodeOrderFile({ tenant, packets }: OrderFile): string {
  return putArmour(ARMOUR, { v: 1, tenant, orders: packets });
}

/** NS_ORDER_FILE says what is wrong. */
export function decodeOrderFile(text: string): OrderFile {
  const parsed = parseMessage(shape, takeArmour(ARMOUR, text));
  if (!parsed.ok) throw unreadable(`the file holds no orders: ${parsed.refusal.sentence}`);
  const { tenant, orders } = parsed.value;
  return { tenant, packets: orders };
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
      throw unreadable(`order ${n + 1} of ${file.packets.length}: ${code}: ${sentence}`);
    }
    const { to, name } = draft.value.order.aud;
    if (to !== 'device') throw unreadable(`order ${n + 1} is for a group; orders here are for single hosts`);
    if (hosts.has(name)) throw unreadable(`there are two orders for "${name}"`);
    hosts.add(name);
    return draft.value;
  });
}
