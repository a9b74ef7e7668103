import * as v from 'valibot';
import { bytesUpTo, count, countUpTo, LIMITS, orderId, text } from './fields.ts';

/**
 * Moving a file in chunks that the receiver asks for. Not signed: the hash of the whole is in the signed order
 * (download) or the signed receipt (upload), so a forged chunk can only make a transfer fail.
 */
export const blockAsk = v.strictObject({
  t: v.literal('ask'),
  id: orderId,
  /** [first chunk, number of chunks]; at most 16 ranges and 64 chunks in all. */
  want: v.pipe(v.array(v.tuple([count, countUpTo(64)])), v.minLength(1), v.maxLength(16)),
});

export const blockData = v.strictObject({
  t: v.literal('data'),
  id: orderId,
  /** Chunk number; its offset is this times the chunk size. */
  i: count,
  d: bytesUpTo(LIMITS.blockData),
});

/** The receiver takes `none` for chunks. Older senders do not know this and send such chunks as data. */
export const blockSparse = v.strictObject({ t: v.literal('sparse'), id: orderId });

/** In place of data, to a receiver that takes it: all bytes of these chunks are zero. */
export const blockNone = v.strictObject({
  t: v.literal('none'),
  id: orderId,
  /** First chunk, and how many. */
  i: count,
  n: v.pipe(count, v.minValue(1)),
});

/** The receiver has it all, durably. */
export const blockEnd = v.strictObject({ t: v.literal('end'), id: orderId });

/** The sender cannot go on. */
export const blockStop = v.strictObject({ t: v.literal('stop'), id: orderId, why: text() });

export const blockMessage = v.variant('t', [
  blockAsk,
  blockData,
  blockSparse,
  blockNone,
  blockEnd,
  blockStop,
]);
export type BlockMessage = v.InferOutput<typeof blockMessage>;
