import { hkdfSync, timingSafeEqual } from 'node:crypto';
import { utf8 } from '../../base/index.ts';
import type { KeyAgreement, PublicKey } from '../../ports/index.ts';
import { letterOf, letterValue, readLetters, writeLetters } from './base32.ts';
import { joinFields, type ReleaseSubject } from './challenge.ts';
import { checkSymbol } from './check-symbol.ts';

/** 80 bits. */
const CODE_BYTES = 10;
const CODE_LETTERS = 16;
const GROUP = 4;
const LABEL = 'nightshift/1/release';

/**
 * What one officer answers to one challenge of one device: 10 bytes that only these two can compute. Either side may ask, each
 * with its own private key and the other's public key. NS_KEY_AGREEMENT where a key cannot do it.
 */
export async function releaseCode(
  own: KeyAgreement,
  other: PublicKey,
  challenge: Uint8Array,
  subject: ReleaseSubject,
  officerKey: Uint8Array,
): Promise<Uint8Array> {
  const secret = await own.agree(other);
  const { tenant, device, deviceKey } = subject;
  const info = joinFields(utf8(LABEL), utf8(tenant), utf8(device), deviceKey, challenge, officerKey);
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), info, CODE_BYTES));
}

/** In constant time. */
export function sameCode(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/** "7K3M-92QD-XH4P-0RTA-V": four groups, and a letter that finds one wrong letter or two that changed places. */
export function writeCode(code: Uint8Array): string {
  const letters = writeLetters(code);
  const check = letterOf(checkSymbol(Array.from(letters, letterValue), 5));
  const groups = Array.from({ length: CODE_LETTERS / GROUP }, (_, i) =>
    letters.slice(i * GROUP, (i + 1) * GROUP),
  );
  return [...groups, check].join('-');
}

/** However it is grouped and cased. Undefined where it is mistyped: that is no try. */
export function readCode(text: string): Uint8Array | undefined {
  const letters = text.replaceAll(/[\s-]/g, '');
  if (letters.length !== CODE_LETTERS + 1) return undefined;
  const values = Array.from(letters, letterValue);
  const check = values.pop();
  if (values.includes(-1) || checkSymbol(values, 5) !== check) return undefined;
  return readLetters(letters.slice(0, CODE_LETTERS), CODE_BYTES);
}
