import { type ByteView, isAllZero, toHex } from '../../base/index.ts';

/**
 * A GUID is sent with its least significant byte first (IPMI 2.0, table 20-10). Many makers send one of SMBIOS instead, whose
 * first three fields alone are little-endian, and nothing in it tells: both readings are given.
 */
export interface Guid {
  readonly bytes: Uint8Array;
  /** As the specification has it. */
  readonly ipmi: string;
  /** As SMBIOS has it. */
  readonly smbios: string;
  /** Many BMCs were never given one. */
  readonly unset: boolean;
}

const SIZE = 16;

export function decodeGuid(data: ByteView): Guid {
  const bytes = data.slice(0, SIZE);
  const reversed = Uint8Array.from(bytes).reverse();
  const swapped = Uint8Array.from([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15], (i) => bytes[i]!);
  return { bytes, ipmi: dashed(reversed), smbios: dashed(swapped), unset: isAllZero(bytes) };
}

const dashed = (bytes: Uint8Array): string =>
  toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
