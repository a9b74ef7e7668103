import { corrupt } from '../corrupt.ts';

/** A chunk gives this many bytes at most. */
const CHUNK = 4096;

/**
 * Decompresses one unit ([MS-XCA] 2.5, LZNT1) into `size` bytes; what the chunks do not fill is zeros. NS_FS_CORRUPT
 * where a chunk reaches before its own beginning, past its end, or past `size`.
 */
export function decompressLznt1(source: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let to = 0;
  for (let at = 0; at + 2 <= source.byteLength && to < size; ) {
    const header = source[at]! | (source[at + 1]! << 8);
    if (header === 0) break;
    const end = at + 3 + (header & 0x0fff);
    if (end > source.byteLength) throw corrupt('a compressed NTFS chunk ends early');
    const chunk = source.subarray(at + 2, end);
    if ((header & 0x8000) === 0) {
      if (to + chunk.byteLength > size) throw corrupt('a compressed NTFS unit is too long');
      out.set(chunk, to);
    } else decompressChunk(chunk, out.subarray(to, to + CHUNK));
    to += CHUNK;
    at = end;
  }
  return out;
}

function decompressChunk(chunk: Uint8Array, out: Uint8Array): void {
  let to = 0;
  for (let at = 0; at < chunk.byteLength; ) {
    const tags = chunk[at]!;
    at += 1;
    for (let bit = 0; bit < 8 && at < chunk.byteLength; bit += 1) {
      if ((tags & (1 << bit)) === 0) {
        if (to >= out.byteLength) throw corrupt('a compressed NTFS chunk is too long');
        out[to] = chunk[at]!;
        to += 1;
        at += 1;
        continue;
      }
      if (at + 2 > chunk.byteLength) throw corrupt('a compressed NTFS chunk ends early');
      const word = chunk[at]! | (chunk[at + 1]! << 8);
      at += 2;
      // The further into the chunk, the more bits the distance takes from the length.
      const lengthBits = 12 - distanceBits(to);
      const distance = (word >> lengthBits) + 1;
      const length = (word & ((1 << lengthBits) - 1)) + 3;
      if (distance > to || to + length > out.byteLength) {
        throw corrupt('a compressed NTFS chunk points outside itself');
      }
      // Byte by byte: a copy may run into what it has just written.
      for (const stop = to + length; to < stop; to += 1) out[to] = out[to - distance]!;
    }
  }
}

/** Bits beyond the four that every distance has. */
function distanceBits(position: number): number {
  let bits = 0;
  while (16 << bits < position) bits += 1;
  return bits;
}
