import * as v from 'valibot';
import { bytesUpTo, count, keyId, sha256, text } from '../fields.ts';

/** A keyring document with its signatures: it must fit into an order. */
const document = bytesUpTo(25 * 1024);

/** Puts a signed keyring in force. Its own signatures decide, not those of the order that carries it. */
export const keyringUpdate = {
  args: v.strictObject({ document, dryRun: v.optional(v.boolean()) }),
  result: v.strictObject({
    version: count,
    /** Of the document without its signatures. */
    hash: sha256,
    changed: v.boolean(),
    dryRun: v.boolean(),
    keys: count,
  }),
};

/** Which keyring is in force. */
export const keyringRead = {
  args: v.strictObject({}),
  result: v.strictObject({
    /** local: the list in the device's configuration. damaged: nobody is known. */
    source: v.picklist(['local', 'document', 'damaged']),
    /** Of a document: */
    version: v.optional(count),
    hash: v.optional(sha256),
    document: v.optional(document),
    /** All who are known, roots too. */
    keys: v.array(v.strictObject({ name: text(64), person: text(64), role: text(16), keyId })),
  }),
};
