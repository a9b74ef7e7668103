import * as v from 'valibot';
import { equalBytes, refuse, type Verdict } from '../base/index.ts';
import { encode, LIMITS, NAME, parseMessage, type Receipt, readCbor } from '../protocol/index.ts';

/** A receipt as the device signed it, and the order that it answers as that was sent. */
export interface KeptReceipt {
  readonly tenant: string;
  readonly device: string;
  /** The order's packet. */
  readonly order: Uint8Array;
  /** The receipt's packet. */
  readonly receipt: Uint8Array;
}

/** Takes a receipt into safe keeping before anybody is told of it. */
export type KeepReceipt = (kept: KeptReceipt, receipt: Receipt) => Promise<void>;

const KIND = 'nightshift receipt';
/** Both packets, and their frame. */
export const LARGEST_EVIDENCE = LIMITS.order + LIMITS.event + 1024;

const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');
const name = v.pipe(v.string(), v.regex(NAME));
const shape = v.strictObject({
  kind: v.literal(KIND),
  v: v.literal(1),
  tenant: name,
  device: name,
  order: bytes,
  receipt: bytes,
});

/**
 * The bytes of a kept receipt: one CBOR map. Nothing in it can be altered unseen: what is not signed itself (tenant and
 * device) is bound into the signatures.
 */
export function encodeEvidence({ tenant, device, order, receipt }: KeptReceipt): Uint8Array {
  return encode({ kind: KIND, v: 1, tenant, device, order, receipt });
}

/** CBOR_INVALID, MESSAGE_INVALID, PACKET_TOO_LARGE. */
export function decodeEvidence(file: Uint8Array): Verdict<KeptReceipt> {
  if (file.byteLength > LARGEST_EVIDENCE)
    return refuse('PACKET_TOO_LARGE', `The file has ${file.byteLength} bytes.`);
  const item = readCbor(file, { maxDepth: 1, maxItems: 16 });
  if (!item.ok) return item;
  const shaped = parseMessage(shape, item.value);
  if (!shaped.ok) return shaped;
  const { tenant, device, order, receipt } = shaped.value;
  const kept = { tenant, device, order, receipt };
  // One receipt has one form: the order of the keys too.
  if (!equalBytes(encodeEvidence(kept), file))
    return refuse('MESSAGE_INVALID', 'The file is not in the one form that kept receipts have.');
  return { ok: true, value: kept };
}
