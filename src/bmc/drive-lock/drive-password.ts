import { hkdfSync } from 'node:crypto';
import { utf8 } from '../../base/index.ts';

export const DRIVE_SECRET_BYTES = 32;
/** Base 32 of 160 bits is 32 letters: all that a drive takes, and what somebody can type (RFC 4648, in lower case). */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const DERIVED = 20;

/**
 * The password that this device gives a drive for the nth time. Another one each time: a drive that says a serial number of its
 * choice learns nothing about the drive that has it.
 */
export function drivePassword(secret: Uint8Array, serial: string, n: number): string {
  const info = utf8(`nightshift drive password\0${serial}\0${n}`);
  const derived = new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), info, DERIVED));
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of derived) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= 31;
  }
  return text;
}
