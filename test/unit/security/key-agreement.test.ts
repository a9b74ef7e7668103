import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { concatBytes, fromHex, toHex } from '../../../src/base/index.ts';
import type { PublicKey } from '../../../src/ports/index.ts';
import { montgomeryU } from '../../../src/security/ed25519-point.ts';
import { keyAgreementOf, x25519PrivateOf, x25519PublicOf } from '../../../src/security/key-agreement.ts';
import { publicKeyFromSpki } from '../../../src/security/public-key.ts';

const BASE_POINT = fromHex(`58${'66'.repeat(31)}`);
const PKCS8 = fromHex('302e020100300506032b657004220420');
const SPKI = fromHex('302a300506032b6570032100');

const ed25519Of = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.from(concatBytes(PKCS8, seed)), format: 'der', type: 'pkcs8' });
const publicOf = (key: KeyObject): PublicKey =>
  publicKeyFromSpki(createPublicKey(key).export({ format: 'der', type: 'spki' }));
const rawX25519 = (key: KeyObject): string =>
  Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');

await t.test('the base point of Ed25519 is that of X25519, 9 (RFC 7748 section 4.1)', async (t) => {
  t.equal(toHex(montgomeryU(BASE_POINT)), `09${'00'.repeat(31)}`);
});

await t.test(
  'the scalar is the clamped half of the hash, as RFC 8032 has it for its first test key',
  async (t) => {
    // The secret of RFC 8032 section 7.1, TEST 1, and its public key.
    const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    t.equal(
      toHex(publicOf(ed25519Of(seed)).spki.subarray(12)),
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    const scalar = createHash('sha512').update(seed).digest().subarray(0, 32);
    scalar[0]! &= 248;
    scalar[31]! = (scalar[31]! & 127) | 64;
    t.equal(
      Buffer.from(x25519PrivateOf(seed).export({ format: 'jwk' }).d ?? '', 'base64url').toString('hex'),
      scalar.toString('hex'),
    );
  },
);

await t.test(
  'the converted public key is the one that node:crypto makes of the converted private key',
  async () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const ours = rawX25519(x25519PublicOf(publicOf(ed25519Of(seed))));
        return ours === rawX25519(createPublicKey(x25519PrivateOf(seed)));
      }),
      { numRuns: 60 },
    );
  },
);

await t.test(
  "two keys come to the same secret, that of node:crypto's own X25519, and no third key to it",
  async () => {
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(seeds, seeds, seeds).filter((all) => new Set(all.map(toHex)).size === 3),
        async (all) => {
          const [a, b, c] = all.map((seed) => ed25519Of(seed)) as [KeyObject, KeyObject, KeyObject];
          const ab = await keyAgreementOf(a).agree(publicOf(b));
          const ba = await keyAgreementOf(b).agree(publicOf(a));
          const own = diffieHellman({
            privateKey: x25519PrivateOf(all[0]),
            publicKey: createPublicKey(x25519PrivateOf(all[1])),
          });
          const ca = await keyAgreementOf(c).agree(publicOf(a));
          return toHex(ab) === toHex(ba) && toHex(ab) === own.toString('hex') && toHex(ca) !== toHex(ab);
        },
      ),
      { numRuns: 25 },
    );
  },
);

await t.test('points of small order, and keys of other kinds, come to nothing', async (t) => {
  const own = keyAgreementOf(generateKeyPairSync('ed25519').privateKey);
  const small = [
    `01${'00'.repeat(31)}`,
    `ec${'ff'.repeat(30)}7f`,
    '00'.repeat(32),
    `${'00'.repeat(31)}80`,
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ];
  for (const raw of small) {
    const forged: PublicKey = {
      algorithm: 'Ed25519',
      keyId: new Uint8Array(8),
      spki: concatBytes(SPKI, fromHex(raw)),
    };
    await t.rejects(own.agree(forged), { code: 'NS_KEY_INVALID' }, raw);
  }
  const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  await t.rejects(own.agree(publicOf(p256.privateKey)), { code: 'NS_KEY_AGREEMENT' });
  t.throws(() => keyAgreementOf(p256.privateKey), { code: 'NS_KEY_AGREEMENT' });
  t.throws(() => keyAgreementOf(generateKeyPairSync('ed25519').publicKey), { code: 'NS_KEY_AGREEMENT' });
});
