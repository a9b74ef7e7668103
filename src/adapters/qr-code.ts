import { encode } from 'uqr';

/** The dark modules of a QR code with this text, row by row, without a quiet zone; the smallest that holds it, error correction L. */
export function qrModules(text: string): readonly (readonly boolean[])[] {
  return encode(text, { ecc: 'L', border: 0 }).data;
}
