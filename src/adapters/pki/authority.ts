import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NsError } from '../../base/index.ts';
import { openssl } from './openssl.ts';
import { opensslConfig, opensslTime, type Profile, revocationConfig } from './profiles.ts';
import type { Issued } from './site-file.ts';

/** An authority that is open for signing. */
export interface Authority {
  readonly number: number;
  readonly certificate: X509Certificate;
  readonly keyPath: string;
  readonly passphrase: string;
}

/** Seconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

export interface Signed {
  /** PEM, PKCS #8; an authority's is sealed with its passphrase. */
  readonly key: string;
  /** PEM. */
  readonly pem: string;
  readonly certificate: X509Certificate;
}

const SHORTEST_PASSPHRASE = 12;
/** RFC 5280, section 4.1.2.2: positive, at most 20 octets. */
const SERIAL_BYTES = 16;

export const authorityFile = (directory: string, number: number, ending: 'key' | 'pem' | 'crl'): string =>
  join(directory, `ca-${number}.${ending}`);

/** NS_PKI_PASSPHRASE where it does not open the key, NS_PKI_KEY_MODE where others may read the key. */
export async function openAuthority(
  directory: string,
  number: number,
  passphrase: string,
): Promise<Authority> {
  const keyPath = authorityFile(directory, number, 'key');
  if (((await stat(keyPath)).mode & 0o077) !== 0) {
    throw new NsError('NS_PKI_KEY_MODE', `others may read ${keyPath}; run: chmod 600 ${keyPath}`, {
      family: 'caller',
    });
  }
  try {
    createPrivateKey({ key: await readFile(keyPath, 'utf8'), passphrase });
  } catch {
    throw new NsError('NS_PKI_PASSPHRASE', `the passphrase does not open ${keyPath}`, { family: 'caller' });
  }
  const certificate = new X509Certificate(await readFile(authorityFile(directory, number, 'pem'), 'utf8'));
  return { number, certificate, keyPath, passphrase };
}

/** A new authority with a key of its own, sealed by scrypt and AES-256, and signed by itself. */
export async function makeAuthority(
  work: string,
  profile: Profile & { readonly is: 'authority' },
  validity: Validity,
  passphrase: string,
): Promise<Signed> {
  if (passphrase.length < SHORTEST_PASSPHRASE) {
    throw new NsError('NS_PKI_PASSPHRASE', `its passphrase has at least ${SHORTEST_PASSPHRASE} characters`, {
      family: 'caller',
    });
  }
  const sealing = ['pkcs8', '-topk8', '-scrypt', '-v2', 'aes-256-cbc', '-passout', 'fd:3'];
  const key = await openssl(sealing, { directory: work, passphrase, input: newKey() });
  const secret = ['-passin', 'fd:3'];
  const pem = await sign(work, profile, key, validity, passphrase, secret, [
    ...['-selfsign', '-keyfile', 'leaf.key', ...secret],
  ]);
  return checked({ key, pem }, undefined);
}

/** A new key and its certificate. */
export async function issueLeaf(
  work: string,
  profile: Profile,
  validity: Validity,
  authority: Authority,
): Promise<Signed> {
  const key = newKey();
  await writeFile(join(work, 'ca.pem'), authority.certificate.toString());
  const pem = await sign(
    work,
    profile,
    key,
    validity,
    authority.passphrase,
    [],
    [...['-keyfile', authority.keyPath, '-passin', 'fd:3', '-cert', 'ca.pem']],
  );
  return checked({ key, pem }, authority.certificate);
}

/**
 * The list of what this authority takes back, PEM. It holds until the authority itself ends: a broker turns everybody
 * away whose list has run out, and nothing would warn of that.
 */
export async function revocationList(
  work: string,
  authority: Authority,
  revoked: readonly Issued[],
  number: number,
  now: number,
): Promise<string> {
  const line = ({ serial, until, revoked: at = now }: Issued) =>
    ['R', shortTime(until), shortTime(at), serial, 'unknown', '/CN=x'].join('\t');
  const hex = number.toString(16).toUpperCase();
  const days = Math.max(1, Math.floor((Date.parse(authority.certificate.validTo) / 1000 - now) / 86_400));
  await Promise.all([
    writeFile(join(work, 'config'), revocationConfig()),
    writeFile(join(work, 'index.txt'), revoked.map((one) => `${line(one)}\n`).join('')),
    writeFile(join(work, 'crlnumber'), `${hex.padStart(hex.length + (hex.length % 2), '0')}\n`),
    writeFile(join(work, 'ca.pem'), authority.certificate.toString()),
  ]);
  return openssl(
    [
      ...['ca', '-gencrl', '-config', 'config', '-crldays', String(days)],
      ...['-keyfile', authority.keyPath, '-passin', 'fd:3', '-cert', 'ca.pem'],
    ],
    { directory: work, passphrase: authority.passphrase },
  );
}

function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
}

async function sign(
  work: string,
  profile: Profile,
  key: string,
  { from, until }: Validity,
  passphrase: string,
  keySecret: readonly string[],
  signer: readonly string[],
): Promise<string> {
  const serial = randomBytes(SERIAL_BYTES);
  // Positive, and never shortened: the first octet is 0x40 to 0x7f.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  await Promise.all([
    writeFile(join(work, 'leaf.key'), key, { mode: 0o600 }),
    writeFile(join(work, 'config'), opensslConfig(profile)),
    writeFile(join(work, 'index.txt'), ''),
    writeFile(join(work, 'serial'), `${serial.toString('hex').toUpperCase()}\n`),
  ]);
  const run = { directory: work, passphrase };
  const request = ['req', '-new', '-config', 'config', '-key', 'leaf.key', ...keySecret, '-out', 'request'];
  await openssl(request, run);
  return openssl(
    [
      ...['ca', '-batch', '-notext', '-config', 'config', '-in', 'request', ...signer],
      ...['-startdate', opensslTime(from), '-enddate', opensslTime(until)],
    ],
    run,
  );
}

/** What openssl made is what was wanted: signed by this authority, and for this key. */
function checked({ key, pem }: { key: string; pem: string }, issuer: X509Certificate | undefined): Signed {
  const certificate = new X509Certificate(pem);
  const signer = issuer ?? certificate;
  const right = certificate.checkIssued(signer) && certificate.verify(signer.publicKey);
  const fits = issuer === undefined || certificate.checkPrivateKey(createPrivateKey(key));
  if (right && fits) return { key, pem: certificate.toString(), certificate };
  throw new NsError('NS_PKI_OPENSSL', 'openssl made a certificate that does not verify');
}

/** YYMMDDHHMMSSZ, as openssl's own index has it; from 2050 with the whole year. */
function shortTime(seconds: number): string {
  const text = opensslTime(seconds);
  return Number(text.slice(0, 4)) < 2050 ? text.slice(2) : text;
}
