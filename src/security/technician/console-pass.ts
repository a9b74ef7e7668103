import { createHash } from 'node:crypto';
import { ByteView, concatBytes, equalBytes, fromUtf8, NsError, utf8 } from '../../base/index.ts';
import type { KeyAlgorithm, KeyStore, PublicKey } from '../../ports/index.ts';
import { encode } from '../../protocol/index.ts';
import { assembleSign1 } from '../cose.ts';
import { type Grant, readGrant, signGrant } from '../grant.ts';
import { publicKeyText } from '../public-key.ts';
import { TECHNICIAN_NAME } from './technician-record.ts';

/** For which device a pass is: what both sides know, and what therefore does not travel. */
export interface PassSubject {
  readonly tenant: string;
  readonly device: string;
  readonly deviceKey: PublicKey;
}

/** What somebody who has no account may do at the console of one device. */
export interface PassTerms {
  /** As a technician's account is called. */
  readonly name: string;
  readonly person: string;
  /** Of what the giver may; all of that where absent. */
  readonly verbs?: readonly string[];
  readonly paths?: readonly string[];
  /** Seconds since 1970. */
  readonly at: number;
  readonly minutes: number;
  /** Tells two passes of the same moment apart: 4 bytes. */
  readonly salt: Uint8Array;
}

/** A pass is for hours or days, never for weeks. */
export const MOST_PASS_MINUTES = 7 * 24 * 60;
const VERSION = 1;
const ALGORITHMS: readonly KeyAlgorithm[] = ['Ed25519', 'ES256'];
const SIGNATURE = 64;
const KEY_ID = 8;
const SALT = 4;
const HEAD = 1 + 1 + KEY_ID + SALT + 4 + 2;
/** What fits the one byte that tells it. */
export const LARGEST_PASS = 255;

/** A grant to the device's own key, for this device alone. Built alike on both sides, down to the byte. */
function grantOf({ tenant, device, deviceKey }: PassSubject, terms: PassTerms): Grant {
  const { name, person, verbs, paths, at, minutes, salt } = terms;
  const id = createHash('sha256').update('nightshift console pass').update(deviceKey.keyId).update(salt);
  id.update(utf8(`${at}`));
  return {
    v: 1,
    tenant,
    id: new Uint8Array(id.digest().subarray(0, 16)),
    to: publicKeyText(deviceKey),
    name,
    person,
    scopes: [
      {
        ...(verbs === undefined ? {} : { verbs: [...verbs] }),
        hosts: [device],
        ...(paths === undefined ? {} : { paths: [...paths] }),
      },
    ],
    notAfter: at + minutes * 60,
    at,
    again: 0,
  };
}

/** Signs a pass and packs it. NS_PASS where it would be refused, or is too long to be typed. */
export async function signPass(subject: PassSubject, terms: PassTerms, giver: KeyStore): Promise<Uint8Array> {
  if (!TECHNICIAN_NAME.test(terms.name)) {
    throw unfit(`"${terms.name}" is no name for a technician: small letters, digits, ".", "_" and "-"`);
  }
  const packet = await signGrant(grantOf(subject, terms), giver);
  const read = readGrant(packet);
  const signature = read.ok ? read.value.message.signatures[0]?.signature : undefined;
  if (signature?.byteLength !== SIGNATURE) throw unfit('this key makes signatures of another length');
  const { algorithm, keyId } = giver.publicKey;
  const packed = pack(terms, algorithm, keyId, signature);
  if (packed.byteLength > LARGEST_PASS)
    throw unfit('a pass must be short enough to be typed: name fewer verbs or paths');
  const again = unpackPass(packed, subject);
  if (again !== undefined && equalBytes(again, packet)) return packed;
  throw new NsError('NS_PASS', 'the pass does not read back as it was signed', { family: 'bug' });
}

function pack(
  terms: PassTerms,
  algorithm: KeyAlgorithm,
  giver: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  const { name, person, verbs, paths, at, minutes, salt } = terms;
  const head = new Uint8Array(HEAD);
  const view = new DataView(head.buffer);
  head[0] = VERSION;
  head[1] = ALGORITHMS.indexOf(algorithm);
  head.set(giver, 2);
  head.set(salt, 2 + KEY_ID);
  view.setUint32(2 + KEY_ID + SALT, at);
  view.setUint16(2 + KEY_ID + SALT + 4, minutes);
  // What is the same is left out, and an absent list is told from an empty one.
  return concatBytes(
    head,
    text(name),
    text(person === name ? '' : person),
    list(verbs),
    list(paths),
    signature,
  );
}

/** The grant that a packed pass stands for, as it was signed; undefined where it is none. Whether it holds is not judged. */
export function unpackPass(packed: Uint8Array, subject: PassSubject): Uint8Array | undefined {
  if (packed.byteLength < HEAD + SIGNATURE || packed.byteLength > LARGEST_PASS) return undefined;
  const view = new ByteView(packed, 'pass');
  const algorithm = ALGORITHMS[view.u8(1)];
  if (view.u8(0) !== VERSION || algorithm === undefined) return undefined;
  const end = packed.byteLength - SIGNATURE;
  const rest = new Texts(packed.subarray(HEAD, end));
  const [name, person, verbs, paths] = [rest.text(), rest.text(), rest.list(), rest.list()];
  if (name === undefined || person === undefined || verbs === undefined || paths === undefined || !rest.done)
    return undefined;
  const terms: PassTerms = {
    name,
    person: person === '' ? name : person,
    ...(verbs.length === 0 ? {} : { verbs }),
    ...(paths.length === 0 ? {} : { paths }),
    at: view.u32be(2 + KEY_ID + SALT),
    minutes: view.u16be(2 + KEY_ID + SALT + 4),
    salt: view.slice(2 + KEY_ID, SALT),
  };
  const keyId = view.slice(2, KEY_ID);
  return assembleSign1(
    encode(grantOf(subject, terms)).slice(),
    { algorithm, keyId },
    view.slice(end, SIGNATURE),
  );
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  if (bytes.byteLength > LARGEST_PASS) throw unfit('a name or path in it is too long');
  return concatBytes(Uint8Array.of(bytes.byteLength), bytes);
}

function list(values: readonly string[] = []): Uint8Array {
  return concatBytes(Uint8Array.of(values.length), ...values.map(text));
}

/** Texts with their lengths before them. */
class Texts {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  text(): string | undefined {
    const length = this.#bytes[this.#at];
    if (length === undefined || this.#at + 1 + length > this.#bytes.byteLength) return undefined;
    this.#at += 1 + length;
    return fromUtf8(this.#bytes.subarray(this.#at - length, this.#at));
  }

  list(): string[] | undefined {
    const count = this.#bytes[this.#at];
    if (count === undefined) return undefined;
    this.#at += 1;
    const values: string[] = [];
    for (let i = 0; i < count; i += 1) {
      const value = this.text();
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }
}

function unfit(sentence: string): NsError {
  return new NsError('NS_PASS', sentence, { family: 'caller' });
}
