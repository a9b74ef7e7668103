import * as v from 'valibot';

/**
 * The section `broker` of both programs' configurations. Whatever makes a link weaker than a verified one has a key of
 * its own with "insecure" in its name.
 */
const url = v.pipe(v.string(), v.regex(/^mqtts?:\/\/\S+$/, 'must begin with mqtt:// or mqtts://'));
const file = v.pipe(v.string(), v.minLength(1));
const PIN = /^sha256:(?:([A-Za-z0-9_-]{43})|([A-Za-z0-9+/]{43})=)$/;
const MOST_PINS = 4;

const pin = v.pipe(
  v.string(),
  v.regex(
    PIN,
    `is no pin; write sha256: and the base64 of a key's SHA-256, as "nightshift pki list" prints it`,
  ),
);

const section = v.strictObject({
  url,
  /** PEM files. Of `ca` all certificates are believed, so that an old and a new authority may overlap. */
  ca: v.optional(file),
  cert: v.optional(file),
  key: v.optional(file),
  username: v.optional(v.string()),
  /** A file whose first line is the password: a password in this file would be read with it. */
  passwordFile: v.optional(file),
  /** The broker's key, or that of its authority; several where one is about to be replaced. */
  pin: v.optional(v.union([pin, v.pipe(v.array(pin), v.minLength(1), v.maxLength(MOST_PINS))])),
  /** Lets everybody on the way read and change all that passes. */
  insecureNoTls: v.optional(v.boolean()),
});

const OPEN =
  'an mqtt:// link to another machine has no encryption: write mqtts://, or say "insecureNoTls: true" beside the url';

/** `broker: {…}`. Certificates and pins go with mqtts:// only; mqtt:// only where nobody else can listen, or it is said. */
export const brokerSection = v.pipe(
  section,
  v.check(({ url: link, insecureNoTls }) => !isOpenLink(link) || insecureNoTls === true, OPEN),
  v.check(
    ({ url: link, pin: pins }) => pins === undefined || link.startsWith('mqtts:'),
    'a pin needs mqtts://',
  ),
  v.check(
    ({ cert, key }) => (cert === undefined) === (key === undefined),
    'a certificate and its key go together: "cert" and "key"',
  ),
);

/** `broker: URL`, short for a section with that url alone. */
export const brokerUrl = v.pipe(
  url,
  v.check((link) => !isOpenLink(link), OPEN),
);

export type BrokerSection = v.InferOutput<typeof brokerSection>;

/** The pins of a link, in base64url: SHA-256 of a SubjectPublicKeyInfo. Both spellings of base64 name the same 32 bytes. */
export function pinsOf({ pin: one = [] }: Pick<BrokerSection, 'pin'>): string[] {
  return (typeof one === 'string' ? [one] : one).map((text) =>
    text.slice('sha256:'.length).replace(/=$/, '').replaceAll('+', '-').replaceAll('/', '_'),
  );
}

const LOOPBACK = /^(localhost|127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[::1\])$/i;

/** A link whose contents others on the network can read and change: orders stay authentic, files do not stay secret. */
export function isOpenLink(link: string): boolean {
  if (!URL.canParse(link)) return false;
  const { protocol, hostname } = new URL(link);
  return protocol === 'mqtt:' && !LOOPBACK.test(hostname);
}

/** What the configuration has switched off, a sentence each, for logs and status. */
export function insecureIn({ url: link }: Pick<BrokerSection, 'url'>): string[] {
  return isOpenLink(link)
    ? ['The link to the broker is not encrypted and the broker not verified (broker.insecureNoTls).']
    : [];
}
