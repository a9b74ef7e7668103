import * as v from 'valibot';
import { bytesUpTo, count, countUpTo, integer, pathText, sha256, text, volumeName } from '../fields.ts';
import { MOST_SAMPLES, SAMPLE_BYTES } from '../samples.ts';
import { xattrsOrdered, xattrsTold } from '../xattrs.ts';
import { stage } from './staged.ts';

/** Where: a path on a volume of the host. */
const place = {
  volume: v.optional(volumeName),
  path: pathText,
};

/** Reading from a suspended or hibernated host's disk is allowed only where the order says that stale data will do. */
const staleOk = { staleOk: v.optional(v.boolean()) };

/** The values of extended attributes too, as far as there is room. */
const xattrValues = { xattrs: v.optional(v.boolean()) };

const kind = v.picklist(['file', 'directory', 'symlink', 'block', 'character', 'fifo', 'socket', 'unknown']);
const mode = countUpTo(0o7777);
const owner = countUpTo(0xffff_ffff);
const nanoseconds = countUpTo(999_999_999);

/** Facts about one file. mtime in seconds since 1970. */
export const fileFacts = v.strictObject({
  kind,
  size: count,
  mode,
  uid: owner,
  gid: owner,
  links: count,
  inode: count,
  mtime: integer,
  target: v.optional(v.string()),
  /** The part of a second after `mtime`; here and below: absent where the filesystem does not keep it. */
  mtimeNanoseconds: v.optional(nanoseconds),
  atime: v.optional(integer),
  birth: v.optional(integer),
  /** Bytes that it takes on the volume. */
  allocated: v.optional(count),
  /** Extended attributes, ACLs among them, as Linux gives them to programs; values where they were asked for. */
  xattrs: v.optional(xattrsTold),
  /** So many more are not listed. */
  moreXattrs: v.optional(count),
});

/** Where an answer came from, and whether it may be out of date. */
export const volumeNote = v.strictObject({
  /** "disk0p2" */
  name: text(128),
  type: text(32),
  label: text(128),
  uuid: text(64),
  /** True where the host could hold newer contents in its memory or its hibernation image. */
  stale: v.boolean(),
  /** What a reader should know: "journal not replayed", … */
  notes: v.array(text()),
});

export const fileList = {
  args: v.strictObject({
    ...place,
    ...staleOk,
    /** Take the path as it is, even with *, ? or [ in it. */
    literal: v.optional(v.boolean()),
    recursive: v.optional(v.boolean()),
    /** Goes on after this cursor, from the answer before. */
    after: v.optional(text()),
    limit: v.optional(countUpTo(1000)),
  }),
  result: v.strictObject({
    volume: volumeNote,
    entries: v.array(
      v.strictObject({
        /** Relative to the listed directory, or absolute for a glob. */
        name: v.string(),
        /** The bytes on disk, where they are not UTF-8; such a file cannot be named in an order. */
        raw: v.optional(bytesUpTo(255)),
        kind,
        size: v.optional(count),
        mode: v.optional(mode),
        uid: v.optional(owner),
        gid: v.optional(owner),
        mtime: v.optional(integer),
        target: v.optional(v.string()),
      }),
    ),
    /** Present where there is more: ask again with `after`. */
    next: v.optional(text()),
  }),
};

export const fileStat = {
  args: v.strictObject({ ...place, ...staleOk, ...xattrValues, noFollow: v.optional(v.boolean()) }),
  result: v.strictObject({ volume: volumeNote, path: v.string(), file: fileFacts }),
};

/** What an archive of a tree holds. */
const treeNote = v.strictObject({
  /** Bytes of the archive. */
  archive: count,
  entries: count,
  files: count,
  directories: count,
  symlinks: count,
  /** Second names of files. */
  links: count,
  others: count,
  /** Contents of all files, without their holes. */
  bytes: count,
  /** What is not there, or not as it is on the disk, by its path in the tree; `more` of them are not listed. */
  skipped: v.array(v.strictObject({ path: v.string(), why: v.string() })),
  more: v.optional(count),
});

/** Host disk → fleet. The device offers, the receiver asks for chunks, the receipt carries the hash of the whole. */
export const fileUpload = {
  args: v.strictObject({
    ...place,
    ...staleOk,
    /** The directory and all below it, as one pax archive; symbolic links are not followed. */
    tree: v.optional(v.boolean()),
    ...xattrValues,
  }),
  result: v.strictObject({
    volume: volumeNote,
    path: v.string(),
    file: fileFacts,
    /** Of what was sent: the file, or the archive. */
    sha256,
    tree: v.optional(treeNote),
  }),
};

/** An effect: what a write would change, or has changed, on the disk. */
export const effectNote = v.strictObject({
  /** SHA-256 over the changed blocks: see storage/effect. */
  hash: sha256,
  /** The same over what these blocks held before; older devices do not say. */
  before: v.optional(sha256),
  blocks: count,
  bytes: count,
  /** Files by path and what becomes of them. */
  changes: v.array(
    v.strictObject({
      change: v.picklist(['create', 'replace', 'remove', 'make-directory']),
      path: v.string(),
    }),
  ),
});

/**
 * What was read back from the disk after the commit, and is as it was written; absent where the disk was wanted by its
 * host before that, and from older devices.
 */
const readBack = v.strictObject({
  /** "medium": past the caches of the controller. "device": one of these may have answered. */
  from: v.picklist(['medium', 'device']),
  /** The ranges are those of protocol/samples. */
  samples: v.pipe(
    v.array(v.strictObject({ offset: count, length: countUpTo(SAMPLE_BYTES), sha256 })),
    v.maxLength(MOST_SAMPLES),
  ),
});

/** What became of a tree that was put. */
const putTreeNote = v.strictObject({
  files: count,
  directories: count,
  symlinks: count,
  links: count,
  /** Of the files, those that took the place of others. */
  replaced: count,
  /** Contents of all files. */
  bytes: count,
  /** Changes that the effect does not list. */
  more: v.optional(count),
  /** Files of which parts were read back after the commit, and are as they were ordered. */
  readBack: v.optional(count),
});

const writing = {
  /** Say what would happen and stop before the first write. */
  dryRun: v.optional(v.boolean()),
  /** Replay a dirty journal first. */
  replay: v.optional(v.boolean()),
  /** Wait for the moment at which the volume may be written, instead of being refused. */
  stage: v.optional(stage),
};

/** Fleet → host disk. */
export const fileDownload = {
  args: v.strictObject({
    ...place,
    ...writing,
    size: count,
    sha256,
    mode: v.optional(mode),
    uid: v.optional(owner),
    gid: v.optional(owner),
    mtime: v.optional(integer),
    mtimeNanoseconds: v.optional(nanoseconds),
    /** Besides those that a replaced file has. security.* and trusted.* take a token. */
    xattrs: v.optional(xattrsOrdered),
    /** Attributes that the filesystem cannot keep are left out, and the receipt says so. */
    lossy: v.optional(v.boolean()),
    replace: v.optional(v.boolean()),
    /** Make missing directories above the file. */
    parents: v.optional(v.boolean()),
    /**
     * What comes is a tar archive, and `path` the directory that all in it is put into. Modes, owners, times and attributes
     * are those of the archive.
     */
    tree: v.optional(v.boolean()),
    /** The tree may set security.* and trusted.*, which takes a token. */
    privileged: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    volume: volumeNote,
    path: v.string(),
    effect: effectNote,
    dryRun: v.boolean(),
    readBack: v.optional(readBack),
    tree: v.optional(putTreeNote),
  }),
};

export const fileDelete = {
  args: v.strictObject({
    ...place,
    ...writing,
    literal: v.optional(v.boolean()),
    recursive: v.optional(v.boolean()),
  }),
  result: v.strictObject({
    volume: volumeNote,
    removed: count,
    effect: effectNote,
    dryRun: v.boolean(),
    /** After the commit so many of the named paths were looked for on the disk, and none was there. */
    absent: v.optional(count),
  }),
};
