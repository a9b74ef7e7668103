import { isIP } from 'node:net';
import { constraintLines, type Permit } from './permitted-names.ts';

/** What a certificate of a site is for. */
export type LeafKind = 'broker' | 'device' | 'operator';

export const LEAF_KINDS: readonly LeafKind[] = ['broker', 'device', 'operator'];

/** What the next certificate is to say. */
export type Profile =
  | { readonly is: 'authority'; readonly commonName: string; readonly permits: readonly Permit[] }
  | { readonly is: 'broker'; readonly commonName: string; readonly names: readonly string[] }
  | { readonly is: 'device' | 'operator'; readonly commonName: string };

/** RFC 2606: nobody can own it. A client's certificate carries a name below it, and so none of a real machine. */
const CLIENTS = 'nightshift.invalid';

/**
 * The common name, by which mosquitto knows a client. An operator's has a colon, which no device's name can have: so
 * what the access list gives to a device by its name is nothing to an operator of that name.
 */
export function commonNameOf(kind: LeafKind, name: string): string {
  return kind === 'operator' ? `operator:${name}` : name;
}

function extensions(profile: Profile): string[] {
  switch (profile.is) {
    case 'authority':
      return [
        'basicConstraints = critical, CA:TRUE, pathlen:0',
        'keyUsage = critical, keyCertSign, cRLSign',
        'subjectKeyIdentifier = hash',
        'nameConstraints = critical, @permits',
        '[permits]',
        ...constraintLines(profile.permits, CLIENTS),
      ];
    case 'broker':
      return [
        ...leaf('serverAuth'),
        `subjectAltName = ${profile.names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join(', ')}`,
      ];
    case 'device':
    case 'operator':
      // With a DNS name there, OpenSSL does not take a common name with a dot for one, and so does not refuse it.
      return [...leaf('clientAuth'), `subjectAltName = DNS:${profile.is}.${CLIENTS}`];
  }
}

function leaf(use: string): string[] {
  return [
    'basicConstraints = critical, CA:FALSE',
    'keyUsage = critical, digitalSignature',
    `extendedKeyUsage = ${use}`,
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid:always',
  ];
}

/** The configuration for `openssl req` and `openssl ca`. Names in it were judged before: none has a letter of its syntax. */
export function opensslConfig(profile: Profile): string {
  return [
    '[req]',
    'prompt = no',
    'distinguished_name = subject',
    '[subject]',
    `commonName = ${profile.commonName}`,
    ...CA_SECTION,
    'x509_extensions = extensions',
    '[policy]',
    'commonName = supplied',
    '[extensions]',
    ...extensions(profile),
    '',
  ].join('\n');
}

/** The configuration for `openssl ca -gencrl`. */
export function revocationConfig(): string {
  return [...CA_SECTION, '[policy]', 'commonName = supplied', ''].join('\n');
}

const CA_SECTION = [
  '[ca]',
  'default_ca = site',
  '[site]',
  'database = index.txt',
  'new_certs_dir = .',
  'serial = serial',
  'crlnumber = crlnumber',
  'default_md = sha256',
  'policy = policy',
  'unique_subject = no',
  'copy_extensions = none',
  'string_mask = utf8only',
];

/** A moment as openssl's options take it: YYYYMMDDHHMMSSZ. */
export function opensslTime(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
}
