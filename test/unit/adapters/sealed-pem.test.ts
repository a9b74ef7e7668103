import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { pemOf } from '../../../src/adapters/sealed-pem.ts';

const openssl = (args: readonly string[], input: string): string =>
  execFileSync('openssl', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
const kinds: Record<string, () => KeyObject> = {
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey,
};

for (const [kind, make] of Object.entries(kinds)) {
  await t.test(
    `${kind}: OpenSSL opens what is sealed, and finds scrypt with 16 MiB, five times`,
    async (t) => {
      const key = make();
      const pem = pemOf(key, 'correct horse');
      const opened = openssl(['pkey', '-passin', 'pass:correct horse'], pem);
      t.ok(createPrivateKey(opened).equals(key));
      t.throws(() => openssl(['pkey', '-passin', 'pass:wrong horse'], pem));
      const shape = openssl(['asn1parse'], pem);
      t.match(shape, /OBJECT\s+:scrypt/);
      t.match(shape, /INTEGER\s+:4000\n.*INTEGER\s+:08\n.*INTEGER\s+:05/);
      t.match(shape, /OBJECT\s+:aes-256-cbc/);
    },
  );
}

await t.test(
  'a key comes back with its passphrase, whatever that is made of, and with no other',
  async (t) => {
    const key = make25519();
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }), (passphrase) => {
        const pem = pemOf(key, passphrase);
        t.ok(createPrivateKey({ key: pem, passphrase }).equals(key));
        t.throws(() => createPrivateKey({ key: pem, passphrase: `${passphrase}.` }));
      }),
      { numRuns: 2 },
    );
  },
);

await t.test('the same key and passphrase never give the same file twice', async (t) => {
  const key = make25519();
  t.not(pemOf(key, 'horse'), pemOf(key, 'horse'));
  t.equal(pemOf(key, undefined), key.export({ type: 'pkcs8', format: 'pem' }));
});

function make25519(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}
