import { isAllZero } from '../base/index.ts';

interface Range {
  readonly offset: number;
  readonly length: number;
}

interface Store {
  readonly read: (offset: number, into: Uint8Array, signal: AbortSignal) => Promise<void>;
  readonly write: (offset: number, data: Uint8Array, signal: AbortSignal) => Promise<void>;
}

const PIECE = 1024 * 1024;

/** Makes a range zero; what reads as zeros is not written, so that holes stay holes. */
export async function clearRange(store: Store, range: Range, signal: AbortSignal): Promise<void> {
  const buffer = new Uint8Array(Math.min(PIECE, range.length));
  const end = range.offset + range.length;
  for (let at = range.offset; at < end; at += PIECE) {
    signal.throwIfAborted();
    const piece = buffer.subarray(0, Math.min(PIECE, end - at));
    await store.read(at, piece, signal);
    if (!isAllZero(piece)) await store.write(at, piece.fill(0), signal);
  }
}
