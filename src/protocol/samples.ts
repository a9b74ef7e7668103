import { createHash } from 'node:crypto';
import { concatBytes, KiB, utf8 } from '../base/index.ts';

export const MOST_SAMPLES = 8;
export const SAMPLE_BYTES: number = 64 * KiB;

/** Bytes of a file, from its start. */
export interface SampleRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Which ranges of a written file a device reads back. A file of up to 512 KiB is read as a whole; of a larger one a range
 * in each eighth, its place by four bytes of a hash of the order's id: whoever made the file cannot foresee it, and
 * whoever holds the order can tell whether it was these.
 */
export function sampleRanges(orderId: Uint8Array, size: number): readonly SampleRange[] {
  if (size <= MOST_SAMPLES * SAMPLE_BYTES) {
    return Array.from({ length: Math.ceil(size / SAMPLE_BYTES) }, (_, i) => {
      const offset = i * SAMPLE_BYTES;
      return { offset, length: Math.min(SAMPLE_BYTES, size - offset) };
    });
  }
  const digest = createHash('sha256')
    .update(concatBytes(utf8('nightshift/1/samples/'), orderId))
    .digest();
  return Array.from({ length: MOST_SAMPLES }, (_, i) => {
    const start = Math.floor((size * i) / MOST_SAMPLES);
    const end = Math.floor((size * (i + 1)) / MOST_SAMPLES);
    // Never past what stays exact: a fraction of at most 2^53 by 32 bits.
    const places = end - start - SAMPLE_BYTES + 1;
    const offset = start + Math.floor((digest.readUInt32BE(4 * i) / 2 ** 32) * places);
    return { offset, length: SAMPLE_BYTES };
  });
}
