import { TRIM_BLOCKS } from '../ata/identify-words.ts';
import type { SectorRange } from '../target.ts';

export const TRIM_BLOCK_BYTES = 512;
const ENTRIES = TRIM_BLOCK_BYTES / 8;
/** Sectors of one range entry (ACS-3 7.5.3). */
const MOST_SECTORS = 0xffff;

/** The data of as many DATA SET MANAGEMENT commands as the ranges need, each of whole 512-byte blocks. */
export function* encodeTrim(ranges: Iterable<SectorRange>): Generator<Uint8Array> {
  const most = TRIM_BLOCKS * ENTRIES;
  let data = new DataView(new ArrayBuffer(most * 8));
  let entries = 0;
  for (const { lba, count } of ranges) {
    for (let done = 0; done < count; done += MOST_SECTORS) {
      const sectors = Math.min(MOST_SECTORS, count - done);
      data.setBigUint64(entries * 8, BigInt(lba + done) | (BigInt(sectors) << 48n), true);
      entries += 1;
      if (entries < most) continue;
      yield new Uint8Array(data.buffer);
      data = new DataView(new ArrayBuffer(most * 8));
      entries = 0;
    }
  }
  if (entries > 0) yield new Uint8Array(data.buffer, 0, Math.ceil(entries / ENTRIES) * TRIM_BLOCK_BYTES);
}

/** Entries without sectors say nothing. Bytes behind the last whole entry are ignored. */
export function decodeTrim(data: Uint8Array): SectorRange[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const ranges: SectorRange[] = [];
  for (let at = 0; at + 8 <= data.byteLength; at += 8) {
    const count = view.getUint16(at + 6, true);
    const lba = view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32;
    if (count > 0) ranges.push({ lba, count });
  }
  return ranges;
}
