import { NsError } from '../../base/index.ts';
import type { DriveSecurityState } from '../../ports/index.ts';
import { ATA_BLOCK } from './pass-through.ts';

const SERIAL = { word: 10, words: 10 } as const;
const STATUS = 128;
const INTEGRITY = 255;
const SIGNATURE = 0xa5;

/**
 * Words 10-19 and 128 of IDENTIFY DEVICE (ACS-3, clause 7.12.7). NS_DRIVE_SECURITY where it is not the whole answer of an ATA drive, or
 * its checksum is wrong. A character that is not printable ASCII makes the serial number empty: such a drive gets no password.
 */
export function securityOf(identify: Uint8Array): DriveSecurityState {
  if (identify.byteLength !== ATA_BLOCK) throw bad(`${identify.byteLength} bytes`);
  const view = new DataView(identify.buffer, identify.byteOffset, identify.byteLength);
  if ((view.getUint16(0, true) & 0x8000) !== 0) throw bad('no ATA drive');
  const summed = identify[INTEGRITY * 2] === SIGNATURE;
  if (summed && identify.reduce((sum, byte) => (sum + byte) & 0xff, 0) !== 0) throw bad('a wrong checksum');
  const bits = view.getUint16(STATUS * 2, true);
  const has = (bit: number): boolean => (bits & (1 << bit)) !== 0;
  return {
    serial: serialOf(identify),
    supported: has(0),
    enabled: has(1),
    locked: has(2),
    frozen: has(3),
    attemptsExpired: has(4),
    maximum: has(8),
  };
}

/** Two characters a word, the first in its upper half. */
function serialOf(identify: Uint8Array): string {
  let text = '';
  for (let i = 0; i < SERIAL.words * 2; i += 1) {
    const code = identify[SERIAL.word * 2 + (i ^ 1)]!;
    if (code !== 0 && (code < 0x20 || code > 0x7e)) return '';
    text += code === 0 ? ' ' : String.fromCharCode(code);
  }
  return text.trim();
}

const bad = (what: string): NsError =>
  new NsError('NS_DRIVE_SECURITY', `what the drive says of itself makes no sense: ${what}`, {
    family: 'peer',
  });
