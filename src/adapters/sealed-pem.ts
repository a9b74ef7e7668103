import { createCipheriv, type KeyObject, randomBytes, scryptSync } from 'node:crypto';

/** Of scrypt: 16 MiB a guess, five times over. OpenSSL opens nothing that takes more than 32 MiB. */
const COST = { N: 16_384, r: 8, p: 5 };
const SALT = 16;

/** A private key as PEM (PKCS #8), sealed where there is a passphrase. */
export function pemOf(key: KeyObject, passphrase: string | undefined): string {
  return passphrase === undefined
    ? (key.export({ type: 'pkcs8', format: 'pem' }) as string)
    : sealedPem(key, passphrase);
}

/**
 * A private key as PEM that a passphrase seals: PKCS #8 EncryptedPrivateKeyInfo, PBES2 with scrypt and AES-256-CBC
 * (RFC 5958, RFC 8018, RFC 7914 section 7). Node's own export would stretch the passphrase by 2,048 rounds of PBKDF2.
 */
function sealedPem(key: KeyObject, passphrase: string): string {
  const salt = randomBytes(SALT);
  const iv = randomBytes(16);
  const secret = scryptSync(passphrase, salt, 32, COST);
  const cipher = createCipheriv('aes-256-cbc', secret, iv);
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const stretching = sequence(
    oid('2b06010401da47040b'),
    sequence(octets(salt), ...[COST.N, COST.r, COST.p].map(integer)),
  );
  const scheme = sequence(oid('60864801650304012a'), octets(iv));
  const der = sequence(sequence(oid('2a864886f70d01050d'), sequence(stretching, scheme)), octets(sealed));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN ENCRYPTED PRIVATE KEY-----', ...lines, '-----END ENCRYPTED PRIVATE KEY-----', ''].join(
    '\n',
  );
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
const octets = (bytes: Buffer): Buffer => tagged(0x04, bytes);
const oid = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));

/** Below 32,768: two bytes at most, the first bit 0. */
function integer(value: number): Buffer {
  return tagged(0x02, value < 0x80 ? Buffer.from([value]) : Buffer.from([value >> 8, value & 0xff]));
}

function tagged(tag: number, body: Buffer): Buffer {
  const { length } = body;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), body]);
}
