import * as v from 'valibot';
import { count, sha256, volumeName } from '../fields.ts';
import { volumeNote } from './file.ts';

/** A whole disk or volume → fleet, bit by bit; as a file.upload goes. */
export const volumeUpload = {
  args: v.strictObject({
    /** "disk0", "disk0p2", "LABEL=root", "UUID=…" */
    volume: volumeName,
    staleOk: v.optional(v.boolean()),
    /** What a filesystem counts as free is zeros in the image, where its own map can be believed. */
    usedOnly: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    /** Of a disk: its type is that of its partition table. */
    volume: volumeNote,
    size: count,
    /** Of all bytes, holes as zeros. */
    sha256,
  }),
};
