import { ByteView, crc32c } from '../../base/index.ts';

/**
 * The write-intent map on own storage: sectors of 512 bytes, each whole or not by itself. A sector: 3968 bits, one a
 * region; magic (u32); number of the sector (u32); zero (u32); CRC-32C of all before it (u32).
 */
const SECTOR = 512;
const BITS_AT_END = 496;
const MAGIC = 0x3149_534e;
const BITS_A_SECTOR = BITS_AT_END * 8;
const SECTORS = 16;
export const INTENT_REGION = SECTORS * SECTOR;
export const MOST_REGIONS = SECTORS * BITS_A_SECTOR;

/** One sector of the map; `has` tells which regions' bits are set. */
export function encodeIntentSector(index: number, has: (region: number) => boolean): Uint8Array {
  const bytes = new Uint8Array(SECTOR);
  const first = index * BITS_A_SECTOR;
  for (let bit = 0; bit < BITS_A_SECTOR; bit += 1) {
    if (has(first + bit)) bytes[bit >>> 3]! |= 1 << (bit & 7);
  }
  const view = new DataView(bytes.buffer);
  view.setUint32(BITS_AT_END, MAGIC, true);
  view.setUint32(BITS_AT_END + 4, index, true);
  view.setUint32(SECTOR - 4, crc32c(bytes.subarray(0, SECTOR - 4)), true);
  return bytes;
}

/** The regions whose bits are set: all of those of a sector that is not whole, since any might be. */
export function decodeIntentMap(bytes: Uint8Array, regions: number): number[] {
  const found: number[] = [];
  for (let index = 0; index * BITS_A_SECTOR < regions; index += 1) {
    const sector = bytes.subarray(index * SECTOR, (index + 1) * SECTOR);
    const view = new ByteView(sector, 'the write-intent map');
    const whole =
      view.u32le(BITS_AT_END) === MAGIC &&
      view.u32le(BITS_AT_END + 4) === index &&
      view.u32le(SECTOR - 4) === crc32c(sector.subarray(0, SECTOR - 4));
    const first = index * BITS_A_SECTOR;
    for (let bit = 0; bit < BITS_A_SECTOR && first + bit < regions; bit += 1) {
      if (!whole || (sector[bit >>> 3]! & (1 << (bit & 7))) !== 0) found.push(first + bit);
    }
  }
  return found;
}

export const sectorOfRegion = (region: number): number => Math.floor(region / BITS_A_SECTOR);
export const offsetOfSector = (index: number): number => index * SECTOR;
