import fc from 'fast-check';
import t from 'tap';
import { toHex } from '../../../../src/base/index.ts';
import {
  challengeText,
  challengeWords,
  checked,
  lockVersionIn,
  makeChallenge,
  type ReleaseSubject,
  readChallengeWords,
  splitChallengeText,
} from '../../../../src/security/release/challenge.ts';
import { readCode, releaseCode, writeCode } from '../../../../src/security/release/code.ts';
import { WORDS } from '../../../../src/security/release/words.ts';
import { testAgreement } from '../../../kit/agreement.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const subject = fc.record({ tenant: name, device: name, deviceKey: bytes(8) });
const HOST: ReleaseSubject = {
  tenant: 'acme',
  device: 'host1',
  deviceKey: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
};

function distance(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, x] of Array.from(a).entries()) {
    const row = [i + 1];
    for (const [j, y] of Array.from(b).entries()) {
      row.push(Math.min(before[j + 1]! + 1, row[j]! + 1, before[j]! + (x === y ? 0 : 1)));
    }
    before = row;
  }
  return before[b.length]!;
}

await t.test('256 words, told apart by four letters, and no two of them alike', async (t) => {
  t.equal(WORDS.length, 256);
  t.equal(new Set(WORDS.map((word) => word.slice(0, 4))).size, 256);
  t.ok(WORDS.every((word) => /^[a-z]{4,8}$/.test(word)));
  const near = WORDS.flatMap((word, i) => WORDS.slice(i + 1).filter((other) => distance(word, other) < 3));
  t.same(near, []);
});

await t.test(
  'a challenge is read back from its words, however they are cased and cut, and from its text',
  async () => {
    fc.assert(
      fc.property(bytes(6), fc.nat(1 << 20), subject, (random, version, of) => {
        const challenge = makeChallenge(random, version);
        const words = challengeWords(challenge, of);
        const short = readChallengeWords(
          words.map((word, i) => (i % 2 === 0 ? word.slice(0, 4) : word).toUpperCase()),
          of,
        );
        const split = splitChallengeText(challengeText(challenge, of));
        if (!short.ok || !split.ok) return false;
        const byText = checked(split.value.bytes, of);
        return (
          toHex(short.value) === toHex(challenge) &&
          byText.ok &&
          toHex(byText.value) === toHex(challenge) &&
          split.value.device === of.device &&
          lockVersionIn(challenge) === version % 65_536
        );
      }),
    );
  },
);

await t.test('one wrong word, and two that changed places, are always found', async () => {
  const word = fc.nat(8);
  fc.assert(
    fc.property(bytes(8), word, word, fc.nat(255), (challenge, i, j, value) => {
      const words = challengeWords(challenge, HOST);
      const wrong = words.with(i, WORDS[value]!);
      const swapped = words.with(i, words[j]!).with(j, words[i]!);
      return [wrong, swapped].every(
        (told) => told.join() === words.join() || !readChallengeWords(told, HOST).ok,
      );
    }),
  );
});

await t.test('what is no challenge is refused with CHALLENGE_MISREAD', async (t) => {
  const words = challengeWords(new Uint8Array(8), HOST);
  const refused = { ok: false, refusal: { code: 'CHALLENGE_MISREAD' } };
  for (const told of [
    [],
    words.slice(1),
    [...words, words[0]!],
    words.with(3, 'aci'),
    words.with(3, 'nosuch'),
  ]) {
    t.match(readChallengeWords(told, HOST), refused, told.join(' '));
  }
  const text = challengeText(new Uint8Array(8), HOST);
  for (const wrong of [
    '',
    'NS1',
    text.slice(1),
    `${text}0`,
    `${text}:`,
    text.slice(0, -1),
    text.replace('host1', 'a b'),
  ]) {
    t.match(splitChallengeText(wrong), refused, wrong);
  }
  const others = Array.from({ length: 512 }, (_, i) => ({ ...HOST, device: `other${i}` }));
  const taken = others.filter((of) => readChallengeWords(words, of).ok).length;
  t.ok(taken < 12, `of 512 other devices, ${taken} would take it: about 2`);
});

await t.test(
  'a code is read back however it is grouped and cased; O, I and L are what they look like',
  async () => {
    fc.assert(
      fc.property(bytes(10), (code) => {
        const text = writeCode(code);
        const loose = text.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
        return [text, loose, text.replaceAll('-', '')].every(
          (typed) => toHex(readCode(typed) ?? new Uint8Array()) === toHex(code),
        );
      }),
    );
  },
);

await t.test('one wrong letter, and two that changed places, are no code', async (t) => {
  const at = fc.nat(16);
  fc.assert(
    fc.property(
      bytes(10),
      at,
      at,
      fc.constantFrom(...Array.from('0123456789ABCDEFGHJKMNPQRSTVWXYZU*')),
      (code, i, j, letter) => {
        const letters = Array.from(writeCode(code).replaceAll('-', ''));
        const wrong = letters.with(i, letter);
        const swapped = letters.with(i, letters[j]!).with(j, letters[i]!);
        return [wrong, swapped].every(
          (told) => told.join() === letters.join() || readCode(told.join('')) === undefined,
        );
      },
    ),
  );
  for (const text of ['', '-', 'A'.repeat(16), 'A'.repeat(18), 'é'.repeat(17)])
    t.equal(readCode(text), undefined, text);
});

await t.test(
  'both sides come to one code, and no other device, tenant, key, challenge, version or person to it',
  async () => {
    const device = testAgreement();
    const officer = testAgreement();
    const other = testAgreement();
    const of = { ...HOST, deviceKey: device.publicKey.keyId };
    const id = officer.publicKey.keyId;
    await fc.assert(
      fc.asyncProperty(
        bytes(6),
        bytes(6),
        fc.nat(65_535),
        fc.nat(65_535),
        name,
        async (random, random2, version, version2, text) => {
          const challenge = makeChallenge(random, version);
          const code = toHex(await releaseCode(officer, device.publicKey, challenge, of, id));
          if (code !== toHex(await releaseCode(device, officer.publicKey, challenge, of, id))) return false;
          const others = await Promise.all([
            releaseCode(other, device.publicKey, challenge, of, other.publicKey.keyId),
            releaseCode(other, device.publicKey, challenge, of, id),
            releaseCode(officer, other.publicKey, challenge, { ...of, deviceKey: other.publicKey.keyId }, id),
            releaseCode(
              officer,
              device.publicKey,
              challenge,
              { ...of, deviceKey: other.publicKey.keyId },
              id,
            ),
            releaseCode(officer, device.publicKey, challenge, of, other.publicKey.keyId),
            releaseCode(officer, device.publicKey, challenge, { ...of, tenant: `${text}-` }, id),
            releaseCode(officer, device.publicKey, challenge, { ...of, device: `${text}-` }, id),
            // What ends one field and begins the next is no matter of taste.
            releaseCode(officer, device.publicKey, challenge, { ...of, tenant: 'acm', device: 'ehost1' }, id),
            ...(toHex(random) === toHex(random2)
              ? []
              : [releaseCode(officer, device.publicKey, makeChallenge(random2, version), of, id)]),
            ...(version === version2
              ? []
              : [releaseCode(officer, device.publicKey, makeChallenge(random, version2), of, id)]),
          ]);
          return others.every((made) => toHex(made) !== code);
        },
      ),
      { numRuns: 20 },
    );
  },
);
