import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { NsError } from '../../base/index.ts';

/** What a broker is believed by, beside the chain of certificates that TLS itself verifies. */
export interface BrokerRules {
  /** The name or address by which the broker is called. */
  readonly host: string;
  /** The certificates of the configuration's `ca`. */
  readonly authorities: readonly X509Certificate[];
  /** SHA-256 of a SubjectPublicKeyInfo, base64url; none pins nothing. */
  readonly pins: readonly string[];
  /** Seconds since 1970 that have surely passed; absent where the wall clock is believed. */
  readonly floor?: number;
}

const MOST_AUTHORITIES = 64;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** RFC 5280, section 4.2.1.12: id-kp-serverAuth. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** The certificates in a PEM text. NS_BROKER_CA where one of them is none, or there are too many. */
export function authoritiesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length > MOST_AUTHORITIES) throw badAuthorities(`at most ${MOST_AUTHORITIES} certificates`);
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw badAuthorities('a certificate in it cannot be read', cause);
    }
  });
}

/** The pin of a certificate's key: it outlives the certificate where the key is kept at a renewal. */
export function pinOf(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(spki).digest('base64url');
}

/**
 * Why a broker with a certificate that TLS has verified is not believed all the same. A pin is met by the broker's own
 * key, or by that of a configured authority whose signature on the certificate is verified here: what else the broker
 * sends along proves nothing.
 */
export function brokerFault(leaf: X509Certificate, rules: BrokerRules): NsError | undefined {
  const signers = signersOf(leaf, rules);
  if (rules.pins.length > 0 && ![leaf, ...signers].some((one) => rules.pins.includes(pinOf(one)))) {
    return distrust('NS_BROKER_PIN', 'the broker has another key than those pinned');
  }
  const { floor } = rules;
  if (floor === undefined) return undefined;
  if (endOf(leaf) < floor || (signers.length > 0 && signers.every((signer) => endOf(signer) < floor))) {
    return distrust(
      'NS_BROKER_EXPIRED',
      "the broker's certificate ended before a time that has surely passed",
    );
  }
  return undefined;
}

/**
 * The same for a broker of whose certificate TLS says that it is not valid yet. A device without a trusted clock knows
 * only what time it is at least, so it cannot know that either. TLS tells of one fault, the last it met, so all
 * others are looked for here: the certificate must come directly from an authority of the configuration.
 */
export function earlyBrokerFault(leaf: X509Certificate, rules: BrokerRules): NsError | undefined {
  if (signersOf(leaf, rules).length === 0) {
    return distrust(
      'NS_BROKER_ISSUER',
      "no authority of the configuration has signed the broker's certificate",
    );
  }
  const uses = leaf.keyUsage as readonly string[] | undefined;
  if (leaf.ca || (uses !== undefined && !uses.includes(SERVER_AUTH))) {
    return distrust('NS_BROKER_PURPOSE', "the broker's certificate is not one of a server");
  }
  const called =
    isIP(rules.host) === 0 ? leaf.checkHost(rules.host, { subject: 'never' }) : leaf.checkIP(rules.host);
  if (called === undefined) {
    return distrust('NS_BROKER_NAME', `the broker's certificate is not for ${rules.host}`);
  }
  return brokerFault(leaf, rules);
}

function signersOf(leaf: X509Certificate, { authorities }: BrokerRules): X509Certificate[] {
  return authorities.filter((one) => one.ca && leaf.checkIssued(one) && leaf.verify(one.publicKey));
}

function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo) / 1000;
}

function distrust(code: `NS_${string}`, sentence: string): NsError {
  return new NsError(code, sentence);
}

function badAuthorities(sentence: string, cause?: unknown): NsError {
  return new NsError('NS_BROKER_CA', `the file of the broker's authorities: ${sentence}`, {
    family: 'caller',
    cause,
  });
}
