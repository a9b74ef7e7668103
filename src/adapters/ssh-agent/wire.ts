import { createHash } from 'node:crypto';
import { concatBytes, NsError } from '../../base/index.ts';
import type { PublicKey } from '../../ports/index.ts';
import { publicKeyFromText } from '../../security/index.ts';

/** draft-ietf-sshm-ssh-agent, section 5.1; the largest message is OpenSSH's own limit. */
export const LARGEST_MESSAGE = 256 * 1024;
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

const MOST_KEYS = 1024;
const LONGEST_COMMENT = 256;
const ED25519 = 'ssh-ed25519';
const P256 = 'ecdsa-sha2-nistp256';
const SIGNATURE_BYTES = 64;
const HALF = 32;

/** A key that an agent has. */
export interface AgentIdentity {
  /** As SSH writes public keys: what the agent knows it by. */
  readonly blob: Uint8Array;
  readonly comment: string;
  /** "SHA256:…", as ssh-add -l shows it. */
  readonly fingerprint: string;
  /** Its kind as SSH calls it. */
  readonly kind: string;
  /** Undefined for a kind that signs no orders. */
  readonly publicKey: PublicKey | undefined;
}

export function agentFault(sentence: string, cause?: unknown): NsError {
  return new NsError('NS_KEY_AGENT', `ssh-agent: ${sentence}`, { family: 'caller', cause });
}

function nonsense(why: string): NsError {
  return agentFault(`its answer makes no sense: ${why}`);
}

/** Reads SSH's data types (RFC 4251, section 5); what is longer than what is there is never believed. */
class Reader {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  get atEnd(): boolean {
    return this.#rest.byteLength === 0;
  }

  byte(): number {
    return this.#take(1)[0]!;
  }

  uint32(): number {
    const four = this.#take(4);
    return new DataView(four.buffer, four.byteOffset, 4).getUint32(0);
  }

  string(): Uint8Array {
    return this.#take(this.uint32());
  }

  text(): string {
    return Buffer.from(this.string()).toString('latin1');
  }

  /** A whole number of at most so many bytes, without a sign, filled up from the left. */
  mpint(bytes: number): Uint8Array {
    const written = this.string();
    if ((written[0] ?? 0) >= 0x80) throw nonsense('a negative number in a signature');
    const digits = written[0] === 0 ? written.subarray(1) : written;
    if (digits.byteLength > bytes) throw nonsense('a number in a signature is too large');
    const whole = new Uint8Array(bytes);
    whole.set(digits, bytes - digits.byteLength);
    return whole;
  }

  #take(length: number): Uint8Array {
    if (length > this.#rest.byteLength) throw nonsense('it ends too early');
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

const string = (bytes: Uint8Array): Uint8Array => concatBytes(uint32(bytes.byteLength), bytes);

/** With the length in front, as it goes over the socket. */
function message(type: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return string(concatBytes(new Uint8Array([type]), ...contents));
}

export function askForKeys(): Uint8Array {
  return message(REQUEST_IDENTITIES);
}

export function askToSign(blob: Uint8Array, data: Uint8Array): Uint8Array {
  return message(SIGN_REQUEST, string(blob), string(data), uint32(0));
}

/** The keys in an answer, without its length. NS_KEY_AGENT where it is none. */
export function readKeys(answer: Uint8Array): AgentIdentity[] {
  const reader = new Reader(answer);
  if (reader.byte() !== IDENTITIES_ANSWER) throw agentFault('it does not tell which keys it has');
  const count = reader.uint32();
  if (count > MOST_KEYS) throw nonsense(`it claims to have ${count} keys`);
  const keys: AgentIdentity[] = [];
  for (let n = 0; n < count; n += 1) keys.push(identityOf(reader.string(), reader.string()));
  return keys;
}

function identityOf(blob: Uint8Array, comment: Uint8Array): AgentIdentity {
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  const { kind, publicKey } = readPublicKey(blob);
  return {
    blob: new Uint8Array(blob),
    comment: Buffer.from(comment.subarray(0, LONGEST_COMMENT)).toString('utf8'),
    fingerprint: `SHA256:${digest}`,
    kind,
    publicKey,
  };
}

/** A key that is damaged or unfit is one that signs nothing: others may be in order. */
function readPublicKey(blob: Uint8Array): Pick<AgentIdentity, 'kind' | 'publicKey'> {
  let kind = 'unreadable';
  try {
    const reader = new Reader(blob);
    kind = reader.text();
    const raw = rawKey(kind, reader);
    return { kind, publicKey: raw === undefined || !reader.atEnd ? undefined : publicKeyFromText(raw) };
  } catch {
    return { kind, publicKey: undefined };
  }
}

/** RFC 8709, section 4; RFC 5656, section 3.1: an uncompressed point. */
function rawKey(kind: string, reader: Reader): string | undefined {
  const text = (name: string, raw: Uint8Array): string => `${name}:${Buffer.from(raw).toString('base64url')}`;
  if (kind === ED25519) return text('ed25519', reader.string());
  if (kind !== P256 || reader.text() !== 'nistp256') return undefined;
  const point = reader.string();
  return point[0] === 4 ? text('es256', point.subarray(1)) : undefined;
}

/** The signature in an answer as COSE carries it: 64 bytes. NS_KEY_AGENT where there is none. */
export function readSignature(answer: Uint8Array, { kind, fingerprint }: AgentIdentity): Uint8Array {
  const reader = new Reader(answer);
  const type = reader.byte();
  if (type === FAILURE) {
    throw agentFault(`it did not sign with ${fingerprint}: locked, declined, or its token is not there`);
  }
  if (type !== SIGN_RESPONSE) throw nonsense('not a signature');
  const signature = new Reader(reader.string());
  if (signature.text() !== kind) throw nonsense('a signature of another kind');
  const bytes = signature.string();
  if (!signature.atEnd || !reader.atEnd) throw nonsense('something follows the signature');
  if (kind === ED25519) {
    if (bytes.byteLength !== SIGNATURE_BYTES) throw nonsense('a signature of another size');
    return new Uint8Array(bytes);
  }
  const numbers = new Reader(bytes);
  const [r, s] = [numbers.mpint(HALF), numbers.mpint(HALF)];
  if (!numbers.atEnd) throw nonsense('something follows the signature');
  return concatBytes(r, s);
}
