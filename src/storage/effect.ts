import { createHash } from 'node:crypto';
import { equalBytes, MiB, toHex, utf8 } from '../base/index.ts';
import type { BlockDevice } from '../ports/index.ts';
import type { IsFree } from './free-blocks.ts';
import type { Overlay } from './overlay.ts';

/** Neighbouring changed blocks; offset and length in bytes from the start of the volume. */
export interface EffectRun {
  readonly offset: number;
  readonly length: number;
}

/** The exact set of block changes that a write would make. */
export interface Effect {
  readonly blockSize: number;
  /** Ascending, apart from each other, none longer than 1 MiB. */
  readonly runs: readonly EffectRun[];
  readonly blocks: number;
  readonly bytes: number;
  /** SHA-256, hexadecimal; see `measureEffect`. */
  readonly hash: string;
  /** SHA-256, hexadecimal, made in the same way over what the same blocks held before. */
  readonly before: string;
  /** The new content of a stretch of the volume. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
}

export const LONGEST_RUN = MiB;
const HASH_PREFIX = utf8('nightshift effect 1\0');
const BEFORE_PREFIX = utf8('nightshift before 1\0');

/**
 * Measures the effect of an overlay on its base and freezes it. A block that was written back unchanged is no part of it,
 * unless it was free before: what lies in free space is nobody's content, and a change that is cut off and made again
 * must have the same effect although its content lies there already.
 *
 * The effect hash is the SHA-256 over: the 20 bytes "nightshift effect 1\0"; the block size (u32); for each
 * block of the effect in ascending order its byte offset on the volume (u64), its length (u32) and its new content; the number of
 * changed blocks (u64). Integers are little endian. The hash of what was before begins with "nightshift before 1\0" and
 * has the content that those blocks had.
 */
export async function measureEffect(
  overlay: Overlay,
  base: BlockDevice,
  isFree: IsFree | undefined,
  signal?: AbortSignal,
): Promise<Effect> {
  await overlay.freeze();
  const { blockSize } = overlay;
  const hash = createHash('sha256');
  const old = createHash('sha256');
  hash.update(HASH_PREFIX).update(numbers([4, blockSize]));
  old.update(BEFORE_PREFIX).update(numbers([4, blockSize]));
  const runs: { offset: number; length: number }[] = [];
  let blocks = 0;
  let bytes = 0;
  for (const stretch of stretches(overlay.changedBlocks(), LONGEST_RUN / blockSize)) {
    const start = stretch.first * blockSize;
    const size = (stretch.count - 1) * blockSize + overlay.lengthOf(stretch.first + stretch.count - 1);
    const now = new Uint8Array(size);
    const before = new Uint8Array(size);
    await overlay.read(start, now, signal);
    await base.read(start, before, signal);
    for (let at = 0; at < size; at += blockSize) {
      const content = now.subarray(at, at + blockSize);
      const offset = start + at;
      const length = content.byteLength;
      const former = before.subarray(at, at + blockSize);
      const unchanged = equalBytes(content, former);
      if (unchanged && !((await isFree?.(offset, length)) ?? false)) continue;
      hash.update(numbers([8, offset], [4, length])).update(content);
      old.update(numbers([8, offset], [4, length])).update(former);
      blocks += 1;
      bytes += length;
      const last = runs.at(-1);
      if (last !== undefined && last.offset + last.length === offset && last.length + length <= LONGEST_RUN) {
        last.length += length;
      } else runs.push({ offset, length });
    }
  }
  hash.update(numbers([8, blocks]));
  old.update(numbers([8, blocks]));
  return {
    blockSize,
    runs,
    blocks,
    bytes,
    hash: toHex(hash.digest()),
    before: toHex(old.digest()),
    read: (offset, into, innerSignal) => overlay.read(offset, into, innerSignal),
  };
}

/** Little-endian unsigned integers of 4 or 8 bytes, one after another. */
function numbers(...fields: readonly (readonly [4 | 8, number])[]): Uint8Array {
  const size = fields.reduce((sum, [width]) => sum + width, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}

/** Joins ascending block numbers into stretches of neighbours, none longer than `most`. */
function stretches(blocks: readonly number[], most: number): { first: number; count: number }[] {
  const found: { first: number; count: number }[] = [];
  for (const block of blocks) {
    const last = found.at(-1);
    if (last !== undefined && last.first + last.count === block && last.count < most) last.count += 1;
    else found.push({ first: block, count: 1 });
  }
  return found;
}
