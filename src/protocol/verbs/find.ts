import * as v from 'valibot';
import { bytesUpTo, count, countUpTo, integer, pathText, sha256, text, volumeName } from '../fields.ts';
import { volumeNote } from './file.ts';

/** Matches in one answer. */
export const MOST_MATCHES = 1000;
/** Names below the directory that is searched. */
const DEEPEST = 128;
/** The longest name of any filesystem that is read: 255 units of UTF-16. */
const NAME_BYTES = 765;
/** A directory's path has 4096 bytes at most. */
const PATH_BYTES = 4096 + 1 + NAME_BYTES;

const mode = countUpTo(0o7777);
const owner = countUpTo(0xffff_ffff);
const kind = v.picklist(['file', 'directory', 'symlink', 'block', 'character', 'fifo', 'socket']);

/** A place below the directory that is searched, name by name, as the bytes on disk; empty for that directory itself. */
const cursor = v.pipe(v.array(bytesUpTo(NAME_BYTES)), v.maxLength(DEEPEST));

/**
 * Files below a directory that are all that the order asks for. The directory counts as itself; links below it are not
 * followed. Each directory comes before what is in it, siblings in the order of the bytes of their names.
 */
export const fileFind = {
  args: v.strictObject({
    volume: v.optional(volumeName),
    path: pathText,
    staleOk: v.optional(v.boolean()),
    /** A pattern for the last name; `iname` whatever the case of its letters. */
    name: v.optional(text()),
    iname: v.optional(text()),
    kind: v.optional(v.picklist(['file', 'directory', 'symlink'])),
    /** Regular files of so many bytes, both ends included. */
    size: v.optional(v.strictObject({ min: v.optional(count), max: v.optional(count) })),
    /** Changed after, and before, this second since 1970. */
    newer: v.optional(integer),
    older: v.optional(integer),
    /** Regular files with these contents. */
    sha256: v.optional(sha256),
    /** Regular files that have these bytes in them. */
    contains: v.optional(
      v.pipe(
        bytesUpTo(256),
        v.check((bytes) => bytes.byteLength > 0, 'must not be empty'),
      ),
    ),
    /** 0: only the directory itself; 1: also what is in it. */
    maxDepth: v.optional(countUpTo(DEEPEST)),
    limit: v.optional(v.pipe(countUpTo(MOST_MATCHES), v.minValue(1))),
    /** Goes on after this place, from the answer before. */
    after: v.optional(cursor),
  }),
  result: v.strictObject({
    volume: volumeNote,
    matches: v.array(
      v.strictObject({
        path: v.string(),
        /** The bytes on disk, where the path is not UTF-8; such a file cannot be named in an order. */
        raw: v.optional(bytesUpTo(PATH_BYTES)),
        kind,
        size: count,
        mode,
        uid: owner,
        gid: owner,
        mtime: integer,
        /** Where it was asked for. */
        sha256: v.optional(sha256),
        /** The first byte of what was asked for, counted from the start of the file. */
        at: v.optional(count),
      }),
    ),
    /** What was looked at for this answer. */
    visited: v.strictObject({ directories: count, files: count }),
    /** What could not be looked at, and so may hold more; `more` of them are not listed. */
    skipped: v.array(v.strictObject({ path: v.string(), why: v.string() })),
    more: v.optional(count),
    /** Present where the search is not at its end: ask again with `after`. */
    next: v.optional(cursor),
  }),
};
