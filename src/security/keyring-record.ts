import { ByteView, concatBytes, crc32c, equalBytes, utf8 } from '../base/index.ts';
import { missingPeople } from './keyring-change.ts';
import { openKeyring, type SignedKeyring } from './keyring-signatures.ts';

/** One stored copy: absent, whole, or there but not whole. */
export type KeyringCopy =
  | { readonly is: 'absent' }
  | { readonly is: 'whole'; readonly bytes: Uint8Array; readonly signed: SignedKeyring }
  | { readonly is: 'damaged' };

const MAGIC = utf8('NSKR');
const HEAD = 12;

/** "NSKR", length of the document (32 bits, big endian), CRC-32C of it, the document with its signatures. */
export function encodeKeyringCopy(bytes: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEAD);
  head.set(MAGIC);
  const view = new DataView(head.buffer);
  view.setUint32(4, bytes.byteLength);
  view.setUint32(8, crc32c(bytes));
  return concatBytes(head, bytes);
}

/** Whole only with enough signatures of the document's own roots, and for this tenant. */
export function decodeKeyringCopy(stored: Uint8Array | undefined, tenant: string): KeyringCopy {
  if (stored === undefined) return { is: 'absent' };
  if (stored.byteLength < HEAD) return { is: 'damaged' };
  const view = new ByteView(stored, 'keyring record');
  const bytes = stored.slice(HEAD);
  const framed =
    equalBytes(view.slice(0, 4), MAGIC) &&
    view.u32be(4) === bytes.byteLength &&
    view.u32be(8) === crc32c(bytes);
  const opened = framed ? openKeyring(bytes) : undefined;
  if (opened?.ok !== true) return { is: 'damaged' };
  const { document } = opened.value;
  const good =
    document.tenant === tenant && missingPeople(opened.value, document.roots, 'its roots') === undefined;
  return good ? { is: 'whole', bytes, signed: opened.value } : { is: 'damaged' };
}

export type StoredKeyring =
  | { readonly is: 'none' }
  /** With whether the copies must be written again to agree. */
  | {
      readonly is: 'document';
      readonly bytes: Uint8Array;
      readonly signed: SignedKeyring;
      readonly rewrite: boolean;
    }
  | { readonly is: 'damaged' };

/**
 * Two copies, one answer. A copy is written only once its document was accepted, so the newer one counts. Without any
 * whole copy, damage means that nobody is known: an older keyring could hold keys that were revoked since.
 */
export function judgeCopies(a: KeyringCopy, b: KeyringCopy): StoredKeyring {
  const whole = [a, b].flatMap((copy) => (copy.is === 'whole' ? [copy] : []));
  const [first, second] = whole.sort((x, y) => y.signed.document.version - x.signed.document.version);
  if (first === undefined) return a.is === 'absent' && b.is === 'absent' ? { is: 'none' } : { is: 'damaged' };
  const { bytes, signed } = first;
  if (second === undefined) return { is: 'document', bytes, signed, rewrite: true };
  const sameVersion = second.signed.document.version === signed.document.version;
  if (sameVersion && !equalBytes(second.signed.hash, signed.hash)) return { is: 'damaged' };
  return { is: 'document', bytes, signed, rewrite: !sameVersion };
}
