import { allow, refuse, toHex, utf8, type Verdict } from '../base/index.ts';
import type { KeyStore } from '../ports/index.ts';
import {
  addSignature,
  type CoseMessage,
  checkSignature,
  inspectEnvelope,
  isStrict,
  parseCose,
  signerKeyId,
  signMany,
} from './cose.ts';
import { foldPerson } from './keyring.ts';
import {
  encodeKeyring,
  type KeyringDocument,
  keyringHash,
  MAX_KEYRING_BYTES,
  type RootSet,
  readKeyring,
} from './keyring-document.ts';
import { publicKeyFromText, verifyingKey } from './public-key.ts';

/** A keyring document with signatures that nobody has judged yet. */
export interface SignedKeyring {
  readonly document: KeyringDocument;
  readonly hash: Uint8Array;
  readonly message: CoseMessage;
}

/** Eight signatures with their headers. */
const MAX_SIGNATURE_BYTES = 1024;

function keyringContext(tenant: string): Uint8Array {
  return utf8(`nightshift/1/keyring/${tenant}`);
}

/** The document under the signatures of these keys, as a COSE_Sign. */
export function signKeyring(document: KeyringDocument, signers: readonly KeyStore[]): Promise<Uint8Array> {
  return signMany(encodeKeyring(document), signers, keyringContext(document.tenant));
}

/** The same with one more signature. A key that has signed already signs nothing more. */
export async function cosignKeyring(bytes: Uint8Array, signer: KeyStore): Promise<Verdict<Uint8Array>> {
  const opened = openKeyring(bytes);
  if (!opened.ok) return opened;
  const { message, document } = opened.value;
  const ids = message.signatures.map((_, index) => toHex(signerKeyId(message, index) ?? new Uint8Array()));
  if (ids.includes(toHex(signer.publicKey.keyId))) return allow(bytes);
  if (ids.length >= 8) return refuse('KEYRING_INVALID', 'It has eight signatures already.');
  return allow(await addSignature(message, signer, keyringContext(document.tenant)));
}

/** Takes a signed document apart. KEYRING_INVALID names the first fault. Its signatures are for signersOf to judge. */
export function openKeyring(bytes: Uint8Array): Verdict<SignedKeyring> {
  if (bytes.byteLength > MAX_KEYRING_BYTES + MAX_SIGNATURE_BYTES) {
    return refuse('KEYRING_INVALID', `It is larger than ${MAX_KEYRING_BYTES} bytes.`);
  }
  const customs = inspectEnvelope(bytes);
  if (!customs.ok) return refuse('KEYRING_INVALID', customs.refusal.sentence);
  const message = parseCose(bytes);
  if (message?.form !== 'sign' || !isStrict(message)) {
    return refuse(
      'KEYRING_INVALID',
      'It is not a COSE_Sign with nothing but algorithm and key id in its headers.',
    );
  }
  const document = readKeyring(message.payload);
  if (!document.ok) return document;
  return allow({ document: document.value, hash: keyringHash(message.payload), message });
}

/** The people among these roots whose signature holds, each once, whatever number of keys they signed with. */
export function signersOf({ message, document }: SignedKeyring, roots: RootSet): readonly string[] {
  const externalAad = keyringContext(document.tenant);
  const signed = new Map<string, string>();
  for (const { person, key } of roots.keys) {
    const publicKey = publicKeyFromText(key);
    const id = toHex(publicKey.keyId);
    const holds = message.signatures.some((_, index) => {
      const keyId = signerKeyId(message, index);
      return (
        keyId !== undefined &&
        toHex(keyId) === id &&
        checkSignature(message, index, verifyingKey(publicKey), { externalAad, strict: true })
      );
    });
    if (holds) signed.set(foldPerson(person), person);
  }
  return [...signed.values()];
}
