import * as v from 'valibot';
import { fromHex, NsError, toHex } from '../base/index.ts';
import { isVerb, LIMITS, NAME, type Verb } from '../protocol/index.ts';

/** An order that a device has staged, as it was sent: whoever sends it again gets its receipt. */
export interface StagedOrder {
  readonly tenant: string;
  readonly device: string;
  readonly id: Uint8Array;
  readonly verb: Verb;
  readonly packet: Uint8Array;
}

/** Characters. */
export const LARGEST_STAGED_ORDER = LIMITS.order * 2;

const name = v.pipe(v.string(), v.regex(NAME));
const shape = v.strictObject({
  kind: v.literal('nightshift staged order'),
  v: v.literal(1),
  tenant: name,
  device: name,
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  verb: v.custom<Verb>((verb) => typeof verb === 'string' && isVerb(verb)),
  packet: v.pipe(v.string(), v.base64()),
});

export function encodeStagedOrder({ tenant, device, id, verb, packet }: StagedOrder): string {
  const fields = { tenant, device, id: toHex(id), verb, packet: Buffer.from(packet).toString('base64') };
  return `${JSON.stringify({ kind: 'nightshift staged order', v: 1, ...fields })}\n`;
}

/** NS_ORDER_FILE. */
export function decodeStagedOrder(text: string): StagedOrder {
  try {
    const { tenant, device, id, verb, packet } = v.parse(shape, JSON.parse(text));
    return { tenant, device, id: fromHex(id), verb, packet: new Uint8Array(Buffer.from(packet, 'base64')) };
  } catch (cause) {
    throw new NsError('NS_ORDER_FILE', 'the file does not hold a staged order', { family: 'caller', cause });
  }
}
