import { createHash, generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { concatBytes, fromHex } from '../../../src/base/index.ts';
import {
  foldPerson,
  Keyring,
  publicKeyFromSpki,
  publicKeyFromText,
  publicKeyText,
} from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';

const ED = fromHex('302a300506032b6570032100');
const edText = (hex: string) => `ed25519:${Buffer.from(hex, 'hex').toString('base64url')}`;

await t.test('a public key goes to text and back, and its id is derived from it', async (t) => {
  for (const algorithm of ['Ed25519', 'ES256'] as const) {
    const { publicKey } = testKey(algorithm);
    const text = publicKeyText(publicKey);
    t.match(text, algorithm === 'Ed25519' ? /^ed25519:[\w-]{43}$/ : /^es256:[\w-]{86}$/);
    t.strictSame(publicKeyFromText(text), publicKey);
    const digest = createHash('sha256').update(publicKey.spki).digest();
    t.same(publicKey.keyId, new Uint8Array(digest.subarray(0, 8)));
  }
});

await t.test('the key of RFC 8032 test 1 is fit', async (t) => {
  const raw = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
  t.equal(publicKeyFromText(edText(raw)).algorithm, 'Ed25519');
});

await t.test('keys of small order, off the curve or not canonical are refused', async (t) => {
  const order8 = [
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ];
  const unfit = [
    `01${'00'.repeat(31)}`,
    `ec${'ff'.repeat(30)}7f`,
    '00'.repeat(32),
    `${'00'.repeat(31)}80`,
    ...order8,
    ...order8.map((hex) => hex.slice(0, 62) + (Number.parseInt(hex.slice(62), 16) | 0x80).toString(16)),
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
    'ff'.repeat(32),
    `02${'00'.repeat(31)}`,
  ];
  for (const hex of unfit) t.throws(() => publicKeyFromText(edText(hex)), { code: 'NS_KEY_INVALID' }, hex);
  const es = testKey('ES256').publicKey.spki;
  const off = new Uint8Array(es);
  off[90] = (off[90] as number) ^ 1;
  t.throws(() => publicKeyFromSpki(off), { code: 'NS_KEY_INVALID' }, 'a P-256 point that is off the curve');
});

await t.test('every fresh key is fit', async (t) => {
  for (let i = 0; i < 50; i += 1) testKey();
  t.pass();
});

await t.test('other kinds of key, other lengths and other spellings are refused', async (t) => {
  const spki = (type: 'x25519' | 'ed448') =>
    new Uint8Array(generateKeyPairSync(type as 'x25519').publicKey.export({ format: 'der', type: 'spki' }));
  t.throws(() => publicKeyFromSpki(spki('x25519')), { code: 'NS_KEY_INVALID' });
  t.throws(() => publicKeyFromSpki(spki('ed448')), { code: 'NS_KEY_INVALID' });
  t.throws(() => publicKeyFromSpki(concatBytes(ED, new Uint8Array(31))), { code: 'NS_KEY_INVALID' });
  const text = publicKeyText(testKey().publicKey);
  for (const bad of [
    '',
    'ed25519:',
    `${text}=`,
    `${text}A`,
    text.slice(0, -1),
    ` ${text}`,
    text.replace('ed', 'rsa'),
  ]) {
    t.throws(() => publicKeyFromText(bad), { code: 'NS_KEY_INVALID' }, bad);
  }
});

await t.test('a keyring finds a key by its id, and knows whose it is', async (t) => {
  const key = testKey();
  const keyring = new Keyring([
    { name: 'ada', role: 'operator', key: publicKeyText(key.publicKey) },
    { name: 'ada-spare', person: 'ada', role: 'security', key: publicKeyText(testKey('ES256').publicKey) },
  ]);
  t.match(keyring.lookup(key.publicKey.keyId), { name: 'ada', person: 'ada', role: 'operator' });
  t.strictSame(
    keyring.entries().map((entry) => entry.person),
    ['ada', 'ada'],
  );
  t.equal(keyring.lookup(new Uint8Array(8)), undefined);
  t.equal(keyring.lookup(new Uint8Array(0)), undefined);
});

await t.test('one person is one, however the name is spelt', async (t) => {
  const same: readonly [string, string][] = [
    ['Sam Miller', ' sam  MILLER\u00a0'],
    ['Sam Miller', 'Sam\u2003Miller'],
    ['sam', 'sa\u200bm'],
    ['sam', 'sam\u3164'],
    ['sam', '\u202esam\ufe0f'],
    ['sam', '\uff33\uff21\uff2d'],
    ['Sam Strau\u00df', 'SAM STRAUSS'],
    ['Andr\u00e9', 'Andre\u0301'],
    ['Ody\u03c3\u03c3e\u03c2', 'ODY\u03a3\u03a3E\u03a3'],
  ];
  for (const [a, b] of same) t.equal(foldPerson(a), foldPerson(b), JSON.stringify([a, b]));
  for (const person of ['sam', 'Sam Miller', 'sammiller', 'sam-miller', 'samm iller']) {
    t.equal(foldPerson(foldPerson(person)), foldPerson(person));
  }
  t.equal(new Set(['sam', 'sam miller', 'sammiller', 'sam-miller', 'pam'].map(foldPerson)).size, 5);
});

await t.test('a keyring with a name or key twice, or an unfit key, is refused as a whole', async (t) => {
  const key = publicKeyText(testKey().publicKey);
  const other = publicKeyText(testKey().publicKey);
  const make = (...entries: readonly [string, string][]) =>
    new Keyring(entries.map(([name, text]) => ({ name, role: 'operator', key: text })));
  t.throws(() => make(['a', key], ['a', other]), { code: 'NS_KEYRING_INVALID', message: /"a" stands twice/ });
  t.throws(() => make(['a', key], ['b', key]), { code: 'NS_KEYRING_INVALID', message: /"b" and "a"/ });
  t.throws(() => make(['a', 'ed25519:x']), { code: 'NS_KEYRING_INVALID', message: /"a"/ });
});

await t.test(
  'a governor is one without an end and without scopes, which no token could be judged by',
  (t) => {
    const key = publicKeyText(testKey().publicKey);
    const make = (more: object) => new Keyring([{ name: 'gina', role: 'governor', key, ...more }]);
    t.equal(make({}).entries().length, 1);
    for (const more of [{ notAfter: 2_000_000_000 }, { scopes: [{ hosts: ['host1'] }] }]) {
      t.throws(() => make(more), { code: 'NS_KEYRING_INVALID', message: /"gina" is a governor/ });
    }
    t.end();
  },
);
