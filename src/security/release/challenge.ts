import { createHash } from 'node:crypto';
import { allow, concatBytes, equalBytes, refuse, utf8, type Verdict } from '../../base/index.ts';
import { NAME } from '../../protocol/index.ts';
import { readLetters, writeLetters } from './base32.ts';
import { checkSymbol } from './check-symbol.ts';
import { WORDS } from './words.ts';

/** What a locked machine shows: 48 random bits, then the low 16 bits of the version of its lock. */
export const CHALLENGE_BYTES = 8;
export const RANDOM_BYTES = 6;
const LOCK_VERSIONS = 65_536;
const QR_MARK = 'NS1';
/** Letters that tell a word from all others. */
const TELLING = 4;

/** Whose challenge it is. The key is part of it: of a device that was enrolled anew, old codes are of no use. */
export interface ReleaseSubject {
  readonly tenant: string;
  readonly device: string;
  readonly deviceKey: Uint8Array;
}

/** Fields with their lengths before them, so that no two lists give the same bytes. */
export function joinFields(...fields: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...fields.flatMap((field) => [Uint8Array.of(field.byteLength), field]));
}

export function makeChallenge(random: Uint8Array, lockVersion: number): Uint8Array {
  const low = lockVersion % LOCK_VERSIONS;
  return concatBytes(random.subarray(0, RANDOM_BYTES), Uint8Array.of(low >> 8, low & 0xff));
}

/** Modulo 65536. */
export function lockVersionIn(challenge: Uint8Array): number {
  return (challenge[RANDOM_BYTES]! << 8) | challenge[RANDOM_BYTES + 1]!;
}

/** First bytes of a SHA-256: names a challenge in the audit log, where the challenge itself has no business. */
export function challengeHash(challenge: Uint8Array): Uint8Array {
  return new Uint8Array(
    createHash('sha256').update('nightshift/1/challenge').update(challenge).digest().subarray(0, 8),
  );
}

/** The ninth byte: finds one wrong word or two that changed places, and 255 of 256 other devices. */
function checkOf(challenge: Uint8Array, { tenant, device, deviceKey }: ReleaseSubject): number {
  const fields = joinFields(utf8('nightshift/1/release-check'), utf8(tenant), utf8(device), deviceKey);
  return checkSymbol(challenge, 8) ^ createHash('sha256').update(fields).digest()[0]!;
}

export function challengeWords(challenge: Uint8Array, subject: ReleaseSubject): readonly string[] {
  return [...challenge, checkOf(challenge, subject)].map((byte) => WORDS[byte]!);
}

/** "NS1:rack1:0123456789ABCDE": device, challenge and check, for whoever has a camera. */
export function challengeText(challenge: Uint8Array, subject: ReleaseSubject): string {
  const bytes = concatBytes(challenge, Uint8Array.of(checkOf(challenge, subject)));
  return `${QR_MARK}:${subject.device}:${writeLetters(bytes)}`;
}

const misread = (why: string) => refuse('CHALLENGE_MISREAD', why);

/** The challenge in nine words, of which the first four letters count. CHALLENGE_MISREAD says which is wrong. */
export function readChallengeWords(words: readonly string[], subject: ReleaseSubject): Verdict<Uint8Array> {
  const bytes: number[] = [];
  for (const [i, word] of words.slice(0, CHALLENGE_BYTES + 1).entries()) {
    const start = word.toLowerCase().slice(0, TELLING);
    const value = start.length < TELLING ? -1 : WORDS.findIndex((known) => known.startsWith(start));
    if (value < 0) return misread(`Word ${i + 1} is not of the list.`);
    bytes.push(value);
  }
  if (words.length !== CHALLENGE_BYTES + 1) {
    return misread(`A challenge has ${CHALLENGE_BYTES + 1} words, and these are ${words.length}.`);
  }
  return checked(Uint8Array.from(bytes), subject);
}

/** Device and the nine bytes of a challenge's text; nothing is checked yet. */
export function splitChallengeText(
  text: string,
): Verdict<{ readonly device: string; readonly bytes: Uint8Array }> {
  const [mark, device = '', letters = '', ...more] = text.trim().split(':');
  const bytes = readLetters(letters, CHALLENGE_BYTES + 1);
  if (mark !== QR_MARK || more.length > 0 || !NAME.test(device) || bytes === undefined) {
    return misread(`This is no challenge such as ${QR_MARK}:HOST:0123456789ABCDE.`);
  }
  return allow({ device, bytes });
}

/** The challenge of its nine bytes. CHALLENGE_MISREAD where the check does not fit this device. */
export function checked(bytes: Uint8Array, subject: ReleaseSubject): Verdict<Uint8Array> {
  const challenge = bytes.slice(0, CHALLENGE_BYTES);
  const check = Uint8Array.of(checkOf(challenge, subject));
  if (bytes.byteLength !== CHALLENGE_BYTES + 1 || !equalBytes(check, bytes.subarray(CHALLENGE_BYTES))) {
    return misread(
      `The check does not fit: a word is wrong, or it is not ${subject.device} that shows them.`,
    );
  }
  return allow(challenge);
}
