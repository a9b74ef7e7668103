import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { concatBytes, equalBytes, fromHex, NsError } from '../base/index.ts';
import type { KeyAlgorithm, PublicKey } from '../ports/index.ts';
import { isFitEd25519Key } from './ed25519-point.ts';

/** Each kind of key: its SubjectPublicKeyInfo is this prefix (RFC 8410, RFC 5480), then the raw key. */
const KINDS: Readonly<Record<KeyAlgorithm, { text: string; prefix: Uint8Array; rawBytes: number }>> = {
  Ed25519: { text: 'ed25519', prefix: fromHex('302a300506032b6570032100'), rawBytes: 32 },
  ES256: {
    text: 'es256',
    prefix: fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
    rawBytes: 64,
  },
};
const ALGORITHMS = Object.keys(KINDS) as readonly KeyAlgorithm[];
const imported = new WeakMap<PublicKey, KeyObject>();

function invalid(why: string, cause?: unknown): NsError {
  return new NsError('NS_KEY_INVALID', `not a usable public key: ${why}`, { family: 'caller', cause });
}

/** First 8 bytes of the SHA-256 of the SubjectPublicKeyInfo. */
export function keyIdOfSpki(spki: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(spki).digest().subarray(0, 8));
}

/** NS_KEY_INVALID for other kinds of key, other encodings, points off the curve and points of small order. */
export function publicKeyFromSpki(spki: Uint8Array): PublicKey {
  const algorithm = ALGORITHMS.find((name) => {
    const { prefix, rawBytes } = KINDS[name];
    return (
      spki.byteLength === prefix.byteLength + rawBytes &&
      equalBytes(spki.subarray(0, prefix.byteLength), prefix)
    );
  });
  if (algorithm === undefined) throw invalid('neither Ed25519 nor P-256, or not in its usual encoding');
  if (algorithm === 'Ed25519' && !isFitEd25519Key(spki.subarray(KINDS.Ed25519.prefix.byteLength))) {
    throw invalid('a point that is not on the curve, or of small order');
  }
  const copy = new Uint8Array(spki);
  const key: PublicKey = { algorithm, keyId: keyIdOfSpki(copy), spki: copy };
  // Whether a point of the other curve is one is for the import to say. A configuration may name thousands of Ed25519
  // keys of which a command needs few.
  if (algorithm !== 'Ed25519') verifyingKey(key);
  return key;
}

/** The key as node:crypto wants it, imported once for each PublicKey object. */
export function verifyingKey(key: PublicKey): KeyObject {
  const known = imported.get(key);
  if (known !== undefined) return known;
  try {
    const made = importKey(key);
    imported.set(key, made);
    return made;
  } catch (error) {
    throw invalid('a point that is not on the curve', error);
  }
}

/** As a JWK (RFC 8037) an Ed25519 key goes in as it is; OpenSSL tries many decoders at DER, which takes eight times as long. */
function importKey({ algorithm, spki }: PublicKey): KeyObject {
  if (algorithm !== 'Ed25519')
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const x = Buffer.from(spki.subarray(KINDS.Ed25519.prefix.byteLength)).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** "ed25519:…" or "es256:…", the raw key in base64url: how keys stand in files and on screens. */
export function publicKeyText(key: PublicKey): string {
  const { text, prefix } = KINDS[key.algorithm];
  return `${text}:${Buffer.from(key.spki.subarray(prefix.byteLength)).toString('base64url')}`;
}

/** NS_KEY_INVALID where the text is not exactly what publicKeyText gives for some fit key. */
export function publicKeyFromText(text: string): PublicKey {
  const algorithm = ALGORITHMS.find((name) => text.startsWith(`${KINDS[name].text}:`));
  if (algorithm === undefined) throw invalid('it must begin with "ed25519:" or "es256:"');
  const kind = KINDS[algorithm];
  const encoded = text.slice(kind.text.length + 1);
  const raw = new Uint8Array(Buffer.from(encoded, 'base64url'));
  if (raw.byteLength !== kind.rawBytes || Buffer.from(raw).toString('base64url') !== encoded) {
    throw invalid(`"${kind.text}:" must be followed by ${kind.rawBytes} bytes in base64url`);
  }
  return publicKeyFromSpki(concatBytes(kind.prefix, raw));
}
