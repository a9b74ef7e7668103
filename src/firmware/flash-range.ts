import { createHash } from 'node:crypto';
import { checkBlockRange, NsError } from '../base/index.ts';
import type { FlashRange } from '../ports/index.ts';

const READ_BYTES = 64 * 1024;

/** A range within another one; its place and size are multiples of the erase size. */
export function withinRange(whole: FlashRange, offset: number, size: number): FlashRange {
  const { eraseSize } = whole;
  if (offset % eraseSize !== 0 || size % eraseSize !== 0 || offset + size > whole.size)
    throw new NsError('NS_BLOCK_RANGE', `${size} bytes at ${offset} are no range of ${whole.size} bytes`);
  const at = (from: number, length: number): number => {
    checkBlockRange('a range of the flash', size, from, length);
    return offset + from;
  };
  return {
    size,
    eraseSize,
    erase: async (from, length, signal) => whole.erase(at(from, length), length, signal),
    write: async (from, data, signal) => whole.write(at(from, data.byteLength), data, signal),
    read: async (from, into, signal) => whole.read(at(from, into.byteLength), into, signal),
    flush: () => whole.flush(),
  };
}

/** SHA-256 of the first `size` bytes, as the medium gives them. */
export async function hashOfRange(
  range: FlashRange,
  size: number,
  signal: AbortSignal,
  onProgress: (done: number) => void = () => {},
): Promise<Uint8Array> {
  const hash = createHash('sha256');
  const piece = new Uint8Array(READ_BYTES);
  for (let at = 0; at < size; ) {
    signal.throwIfAborted();
    const part = piece.subarray(0, Math.min(READ_BYTES, size - at));
    await range.read(at, part, signal);
    hash.update(part);
    at += part.byteLength;
    onProgress(at);
  }
  return new Uint8Array(hash.digest());
}

/** Erases and writes: `offset` begins an erase block; what follows the data in its last block is erased. */
export async function rewrite(
  range: FlashRange,
  offset: number,
  data: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const { eraseSize } = range;
  await range.erase(offset, Math.ceil(data.byteLength / eraseSize) * eraseSize, signal);
  await range.write(offset, data, signal);
}
