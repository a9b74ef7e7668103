import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { allow, NsError, refuse, sentenceOf, toHex, type Verdict } from '../base/index.ts';
import { encode, NAME, parseMessage, readCbor } from '../protocol/index.ts';
import { foldPerson, Keyring, type KeyringEntry, ROLES } from './keyring.ts';
import { scope } from './scope.ts';

/** With its signatures it must fit into one order, whose cap is 32 KiB. */
export const MAX_KEYRING_BYTES = 24 * 1024;
const MAX_KEYS = 256;
export const MAX_SCOPES = 16;
const MAX_REVOKED = 512;
const MAX_ROOTS = 8;
/** Nobody changes alone who may order what. */
export const MIN_THRESHOLD = 2;
/** Old and new roots may be different people, and a COSE_Sign has eight signatures at most. */
export const MAX_THRESHOLD = 4;

/** Shown to whoever signs: nothing that could move a cursor or pass for another line. */
export const plainText = v.pipe(
  v.string(),
  v.maxLength(64),
  v.regex(
    /^[\p{L}\p{N}](?:[\p{L}\p{N} ._@'-]{0,62}[\p{L}\p{N}])?$/u,
    "must be 1 to 64 letters, digits and . _ @ ' -",
  ),
);
const wallSeconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const holder = { name: plainText, person: plainText, key: v.pipe(v.string(), v.maxLength(128)) };

const rootKey = v.strictObject(holder);
const grantedKey = v.strictObject({
  ...holder,
  role: v.picklist(ROLES.filter((role) => role !== 'root')),
  scopes: v.optional(v.pipe(v.array(scope), v.maxLength(MAX_SCOPES))),
  notAfter: v.optional(wallSeconds),
});

/** Whose signatures change the keyring: so many different people of these. */
export const rootSet = v.strictObject({
  threshold: v.pipe(v.number(), v.integer(), v.minValue(MIN_THRESHOLD), v.maxValue(MAX_THRESHOLD)),
  keys: v.pipe(v.array(rootKey), v.minLength(1), v.maxLength(MAX_ROOTS)),
});

const keyringDocument = v.strictObject({
  v: v.literal(1),
  /** Rises with every change. */
  version: v.pipe(wallSeconds, v.minValue(1)),
  tenant: v.pipe(v.string(), v.regex(NAME)),
  roots: rootSet,
  keys: v.pipe(v.array(grantedKey), v.maxLength(MAX_KEYS)),
  /** Ids of keys that are never enrolled again. */
  revoked: v.pipe(
    v.array(
      v.custom<Uint8Array>(
        (id) => id instanceof Uint8Array && id.byteLength === 8,
        'must be the id of a key',
      ),
    ),
    v.maxLength(MAX_REVOKED),
  ),
});

export type KeyringDocument = v.InferOutput<typeof keyringDocument>;
export type GrantedKey = KeyringDocument['keys'][number];
/** Whose signatures count, and of how many people they must be. */
export type RootSet = KeyringDocument['roots'];

/** The bytes that are signed. */
export function encodeKeyring(document: KeyringDocument): Uint8Array {
  return encode(document);
}

/** What tells two documents of one version apart, whoever signed them. */
export function keyringHash(payload: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(payload).digest());
}

/**
 * From the signed bytes to a document that can be used and later be changed: no name or key twice, none that is
 * revoked, enough people among the roots. KEYRING_INVALID names the first fault.
 */
export function readKeyring(payload: Uint8Array): Verdict<KeyringDocument> {
  if (payload.byteLength > MAX_KEYRING_BYTES) return invalid(`It is larger than ${MAX_KEYRING_BYTES} bytes.`);
  const item = readCbor(payload, { maxDepth: 6 });
  if (!item.ok) return invalid(item.refusal.sentence);
  const shaped = parseMessage(keyringDocument, item.value);
  if (!shaped.ok) return invalid(shaped.refusal.sentence);
  const { roots, revoked } = shaped.value;
  try {
    const gone = new Set(revoked.map(toHex));
    if (gone.size < revoked.length) return invalid('A revoked key stands there twice.');
    for (const { name, keyId } of keyringOf(shaped.value).entries()) {
      if (gone.has(toHex(keyId))) return invalid(`The key of "${name}" is enrolled and revoked.`);
    }
  } catch (error) {
    return invalid(sentenceOf(error));
  }
  const few = tooFewPeople(roots);
  if (few !== undefined) return invalid(few);
  return allow(shaped.value);
}

function tooFewPeople({ threshold, keys }: RootSet): string | undefined {
  const people = new Set(keys.map(({ person }) => foldPerson(person))).size;
  if (people >= threshold) return undefined;
  return `The roots are ${people} people, and ${threshold} must sign: it could never be changed.`;
}

/** Roots as a configuration names them: fit keys, each once, of enough people. NS_KEYRING_INVALID. */
export function checkRoots(roots: RootSet): RootSet {
  keyringOf({ roots, keys: [] });
  const few = tooFewPeople(roots);
  if (few === undefined) return roots;
  throw new NsError('NS_KEYRING_INVALID', few, { family: 'caller' });
}

/** All keys of the document, the roots' with the role root. NS_KEYRING_INVALID. */
export function keyringOf({
  roots,
  keys,
  revoked,
}: Pick<KeyringDocument, 'roots' | 'keys'> & Partial<Pick<KeyringDocument, 'revoked'>>): Keyring {
  const rootEntries = roots.keys.map((key): KeyringEntry => ({ ...key, role: 'root' }));
  return new Keyring([...rootEntries, ...keys], revoked);
}

function invalid(sentence: string): Verdict<never> {
  return refuse('KEYRING_INVALID', sentence);
}
