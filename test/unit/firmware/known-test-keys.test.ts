import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { isKnownTestKey } from '../../../src/firmware/index.ts';
import { keyStoreOf, publicKeyText } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';

const publicHalf = (pem: string | Buffer): string =>
  publicKeyText(keyStoreOf(createPrivateKey(pem)).publicKey);

await t.test('a key whose private half anybody can read is known, any other is not', async (t) => {
  const ours = await readFile(new URL('../../../flash/test-key.pem', import.meta.url));
  t.ok(isKnownTestKey(publicHalf(ours)), 'the one that firmware is signed by where no other is given');
  // RFC 8032, section 7.1, the first.
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  t.ok(
    isKnownTestKey(
      publicHalf(`-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----`),
    ),
  );
  t.notOk(isKnownTestKey(publicKeyText(testKey().publicKey)));
});
