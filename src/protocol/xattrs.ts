import * as v from 'valibot';
import { anyBytes, bytesUpTo, count, text } from './fields.ts';

/** Extended attributes that one answer lists, or one order sets. */
export const MOST_XATTRS = 64;
/** Names and values of an order together: an order is 32 KiB at most, and says other things too. */
export const XATTR_ORDER_BYTES: number = 16 * 1024;
/** Values of an answer together. */
export const XATTR_TOLD_BYTES: number = 48 * 1024;
/** Bytes of a name (XATTR_NAME_MAX of Linux). */
const LONGEST_NAME = 255;
/** system.* but the ACLs is what a filesystem says of itself. */
const NAME = /^(?:user|security|trusted)\.[^\p{Cc}\p{Surrogate}]+$|^system\.posix_acl_(?:access|default)$/u;

const name = v.pipe(
  v.string(),
  v.regex(NAME),
  v.check((given) => Buffer.byteLength(given) <= LONGEST_NAME, `must be at most ${LONGEST_NAME} bytes`),
);

/** Extended attributes as Linux gives them to programs, and takes them: ACLs have their version 2 form. */
export const xattrsOrdered = v.pipe(
  v.array(v.strictObject({ name, value: bytesUpTo(XATTR_ORDER_BYTES) })),
  v.maxLength(MOST_XATTRS),
  v.check(
    (all) => all.reduce((sum, each) => sum + xattrSize(each), 0) <= XATTR_ORDER_BYTES,
    `must be at most ${XATTR_ORDER_BYTES} bytes together`,
  ),
  v.check((all) => new Set(all.map((each) => each.name)).size === all.length, 'must name each once'),
);

export const xattrsTold = v.pipe(
  v.array(v.strictObject({ name: text(), size: count, value: v.optional(anyBytes) })),
  v.maxLength(MOST_XATTRS),
);

/** What one counts as in an order. */
export function xattrSize(attribute: { readonly name: string; readonly value: Uint8Array }): number {
  return Buffer.byteLength(attribute.name) + attribute.value.byteLength;
}

/** Names that an order may set, given one that a file here has. */
export function isXattrName(given: string): boolean {
  return v.is(name, given);
}
