import { createPublicKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { fromHex, toHex } from '../../../src/base/index.ts';
import { type CheckOptions, checkSignature, inspectEnvelope, parseCose } from '../../../src/security/cose.ts';

const ROOT = new URL('../../vectors/cose/', import.meta.url);

interface Jwk {
  readonly kty: string;
  readonly crv: string;
  readonly x?: string;
  readonly y?: string;
  readonly x_hex?: string;
  readonly y_hex?: string;
}
interface Signer {
  readonly key: Jwk;
  readonly external?: string;
}
interface Vector {
  readonly title: string;
  readonly fail?: boolean;
  readonly input: { readonly sign0?: Signer; readonly sign?: { readonly signers: readonly Signer[] } };
  readonly output: { readonly cbor: string };
}

function keyOf({ key }: Signer): KeyObject {
  const part = (text?: string, hex?: string) => text ?? Buffer.from(hex ?? '', 'hex').toString('base64url');
  const kty = key.kty === 'EC2' ? 'EC' : key.kty;
  return createPublicKey({
    key: { kty, crv: key.crv, x: part(key.x, key.x_hex), y: part(key.y, key.y_hex) },
    format: 'jwk',
  });
}

function accepts(vector: Vector, options: CheckOptions): boolean {
  const packet = fromHex(vector.output.cbor);
  const message = inspectEnvelope(packet).ok ? parseCose(packet) : undefined;
  if (message === undefined) return false;
  const signers = vector.input.sign0 ? [vector.input.sign0] : (vector.input.sign?.signers ?? []);
  if (message.signatures.length !== signers.length) return false;
  return signers.every((signer, i) =>
    checkSignature(message, i, keyOf(signer), { ...options, externalAad: fromHex(signer.external ?? '') }),
  );
}

const vectors = new Map<string, Vector>();
for (const folder of ['sign1-tests', 'sign-tests', 'RFC8152']) {
  for (const file of readdirSync(new URL(folder, ROOT))) {
    vectors.set(`${folder}/${file}`, JSON.parse(readFileSync(new URL(`${folder}/${file}`, ROOT), 'utf8')));
  }
}

await t.test('every published case is judged as published', async (t) => {
  t.equal(vectors.size, 18);
  for (const [name, vector] of vectors) {
    const understood = name.endsWith('C_1_4.json') ? ['reserved'] : [];
    t.equal(accepts(vector, { understood }), vector.fail !== true, `${name}: ${vector.title}`);
  }
});

await t.test('a critical label that nobody acts on refuses the message', async (t) => {
  const vector = vectors.get('RFC8152/Appendix_C_1_4.json') as Vector;
  t.equal(accepts(vector, {}), false);
});

await t.test(
  'an algorithm in the unprotected header can be checked, but is refused in strict form',
  async (t) => {
    const vector = vectors.get('sign1-tests/sign-pass-01.json') as Vector;
    t.equal(accepts(vector, {}), true);
    t.equal(accepts(vector, { strict: true }), false);
  },
);

await t.test('one flipped bit anywhere in a signed part refuses the message', async (t) => {
  const vector = vectors.get('RFC8152/Appendix_C_2_1.json') as Vector;
  const packet = fromHex(vector.output.cbor);
  // The key id in the unprotected header is a hint, covered by nothing; the rest is.
  const hint = Buffer.from(packet).indexOf(Buffer.from('a104423131', 'hex'));
  let refused = 0;
  for (let at = 0; at < packet.byteLength; at += 1) {
    if (at >= hint && at < hint + 5) continue;
    const changed = new Uint8Array(packet);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    if (accepts({ ...vector, output: { cbor: toHex(changed) } }, {})) t.fail(`byte ${at}`);
    else refused += 1;
  }
  t.equal(refused, packet.byteLength - 5);
});
