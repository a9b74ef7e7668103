import { crc32 } from '../../src/base/index.ts';

const ENTRY = 128;

/** Where a partition lies: in sectors of the table. */
export interface GptPlace {
  readonly first: number;
  readonly last: number;
}

/**
 * Writes a protective MBR and both copies of a GPT for sectors of this size, for which no tool here does so.
 */
export function writeGpt(
  image: Uint8Array,
  sectorSize: number,
  places: readonly GptPlace[],
  entries = 128,
): void {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const sectors = image.byteLength / sectorSize;
  const array = Math.ceil((entries * ENTRY) / sectorSize);
  image.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff], 446);
  view.setUint32(446 + 8, 1, true);
  view.setUint32(446 + 12, Math.min(sectors - 1, 0xffffffff), true);
  view.setUint16(510, 0xaa55, true);
  for (const [own, other, arrayAt] of [
    [1, sectors - 1, 2],
    [sectors - 1, 1, sectors - 1 - array],
  ] as const) {
    const at = arrayAt * sectorSize;
    for (const [n, { first, last }] of places.entries()) {
      const entry = at + n * ENTRY;
      image.set(Buffer.from('af3dc60f838472478e793d69d8477de4', 'hex'), entry);
      image.fill(n + 1, entry + 16, entry + 32);
      view.setBigUint64(entry + 32, BigInt(first), true);
      view.setBigUint64(entry + 40, BigInt(last), true);
    }
    const head = own * sectorSize;
    image.set(Buffer.from('EFI PART'), head);
    view.setUint32(head + 8, 0x10000, true);
    view.setUint32(head + 12, 92, true);
    for (const [field, value] of [
      [24, own],
      [32, other],
      [40, 2 + array],
      [48, sectors - 2 - array],
      [72, arrayAt],
    ] as const) {
      view.setBigUint64(head + field, BigInt(value), true);
    }
    view.setUint32(head + 80, entries, true);
    view.setUint32(head + 84, ENTRY, true);
    view.setUint32(head + 88, crc32(image.subarray(at, at + entries * ENTRY)), true);
    view.setUint32(head + 16, 0, true);
    view.setUint32(head + 16, crc32(image.subarray(head, head + 92)), true);
  }
}
