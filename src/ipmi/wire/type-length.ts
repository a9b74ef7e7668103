import { NsError } from '../../base/index.ts';

/** Digits of "BCD plus"; the last three are reserved in FRUs, and ":", "," and "_" in SDRs. */
const BCD_PLUS = '0123456789 -.:,_';
const SIX_BIT_FIRST = 0x20;

/** Two digits a byte, the high one first. */
export function decodeBcdPlus(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `${BCD_PLUS[byte >> 4]}${BCD_PLUS[byte & 0x0f]}`).join('');
}

/** Four characters in three bytes, the first in the lowest bits (FRU storage definition 1.3, 13.3). */
export function decodeSixBit(bytes: Uint8Array): string {
  let [text, held, bits] = ['', 0, 0];
  for (const byte of bytes) {
    held |= byte << bits;
    bits += 8;
    for (; bits >= 6; bits -= 6, held >>= 6) text += String.fromCharCode(SIX_BIT_FIRST + (held & 0x3f));
  }
  return text;
}

/** 8-bit ASCII and Latin-1, without the NULs that many makers fill up with. */
export const decodeLatin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('latin1').replace(/\0+$/, '');

/** NS_IPMI_ARGUMENT where the text has characters that are not in Latin-1. */
export function encodeLatin1(text: string): Uint8Array {
  for (const character of text) {
    if (character.codePointAt(0)! > 0xff) {
      throw new NsError('NS_IPMI_ARGUMENT', `"${character}" has no place in a text of a BMC`, {
        family: 'caller',
      });
    }
  }
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}
