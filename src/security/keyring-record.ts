import {
  equalBytes,
  frameRecord,
  type RecordKind,
  type StoredCopy,
  storedCopy,
  unframeRecord,
} from '../base/index.ts';
import { missingPeople } from './keyring-change.ts';
import { openKeyring, type SignedKeyring } from './keyring-signatures.ts';

/** A document, and its bytes with their signatures. */
interface KeptKeyring {
  readonly bytes: Uint8Array;
  readonly signed: SignedKeyring;
}

export type KeyringCopy = StoredCopy<KeptKeyring>;

/** Room for the largest document, and the signatures of all roots there can be. */
const KIND: RecordKind = { letters: 'NSKR', largest: 65_536 };

/** Of a document with its signatures. */
export function encodeKeyringCopy(bytes: Uint8Array): Uint8Array {
  return frameRecord(KIND, bytes);
}

/** Whole only with enough signatures of the document's own roots, and for this tenant. */
export function decodeKeyringCopy(stored: Uint8Array | undefined, tenant: string): KeyringCopy {
  return storedCopy(stored, (copy) => {
    const bytes = unframeRecord(KIND, copy)?.slice();
    const opened = bytes === undefined ? undefined : openKeyring(bytes);
    if (bytes === undefined || opened?.ok !== true) return undefined;
    const { document } = opened.value;
    const good =
      document.tenant === tenant && missingPeople(opened.value, document.roots, 'its roots') === undefined;
    return good ? { bytes, signed: opened.value } : undefined;
  });
}

export type StoredKeyring =
  | { readonly is: 'none' }
  /** With whether the copies must be written again to agree. */
  | ({ readonly is: 'document'; readonly rewrite: boolean } & KeptKeyring)
  | { readonly is: 'damaged' };

/**
 * Two copies, one answer. A copy is written only once its document was accepted, so the newer one counts. Without any
 * whole copy, damage means that nobody is known: an older keyring could hold keys that were revoked since.
 */
export function judgeCopies(a: KeyringCopy, b: KeyringCopy): StoredKeyring {
  const whole = [a, b].flatMap((copy) => (copy.is === 'whole' ? [copy.record] : []));
  const [first, second] = whole.sort((x, y) => y.signed.document.version - x.signed.document.version);
  if (first === undefined) return a.is === 'absent' && b.is === 'absent' ? { is: 'none' } : { is: 'damaged' };
  const { bytes, signed } = first;
  if (second === undefined) return { is: 'document', bytes, signed, rewrite: true };
  const sameVersion = second.signed.document.version === signed.document.version;
  if (sameVersion && !equalBytes(second.signed.hash, signed.hash)) return { is: 'damaged' };
  return { is: 'document', bytes, signed, rewrite: !sameVersion };
}
