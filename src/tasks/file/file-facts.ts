import { NsError, type Verdict } from '../../base/index.ts';
import type { FileExtras, FileStat, FileSystem, HostPath } from '../../ports/index.ts';
import { MOST_XATTRS, type ResultOf, XATTR_TOLD_BYTES } from '../../protocol/index.ts';

type FileFacts = ResultOf<'file.stat'>['file'];

/** Names and sizes told without their values. */
const NAMES_BYTES = 16 * 1024;

/** What an answer says of a file, and what its reader should know of that. */
export interface FileNote {
  readonly file: FileFacts;
  readonly notes: readonly string[];
}

/** What a stat alone says of a file. */
export function fileFacts(stat: FileStat): FileFacts {
  const { kind, size, mode, uid, gid, links, inode, mtime, mtimeNanoseconds, target } = stat;
  return {
    kind,
    size,
    mode,
    uid,
    gid,
    links,
    inode,
    mtime,
    ...(mtimeNanoseconds === undefined ? {} : { mtimeNanoseconds }),
    ...(target === undefined ? {} : { target }),
  };
}

/**
 * The same with what the file carries besides: the values of its extended attributes only where `values` asks for them.
 * Where that cannot be read, the rest is told, and a note says so.
 */
export async function wholeFacts(
  fs: FileSystem,
  path: HostPath,
  follow: boolean,
  stat: FileStat,
  values: boolean,
  signal: AbortSignal,
): Promise<FileNote> {
  const file = fileFacts(stat);
  const found = await readable(fs, path, follow, signal);
  if (found instanceof NsError) {
    return { file, notes: [`its extended attributes cannot be read: ${found.message}`] };
  }
  if (!found.ok) return { file, notes: [`its extended attributes are not told: ${found.refusal.sentence}`] };
  return withExtras(file, found.value, values);
}

function readable(
  fs: FileSystem,
  path: HostPath,
  follow: boolean,
  signal: AbortSignal,
): Promise<Verdict<FileExtras> | NsError> {
  return fs.extras(path, follow, signal).catch((error: unknown) => {
    if (error instanceof NsError && error.code === 'NS_FS_CORRUPT') return error;
    throw error;
  });
}

function withExtras(file: FileFacts, extras: FileExtras, values: boolean): FileNote {
  const { atime, birth, allocated, xattrs } = extras;
  const told: NonNullable<FileFacts['xattrs']> = [];
  let names = 0;
  let room = XATTR_TOLD_BYTES;
  let cut = 0;
  for (const { name, value } of xattrs) {
    names += name.length;
    if (told.length >= MOST_XATTRS || names > NAMES_BYTES) break;
    const fits = value.byteLength <= room;
    if (values && fits) room -= value.byteLength;
    if (values && !fits) cut += 1;
    told.push({ name, size: value.byteLength, ...(values && fits ? { value } : {}) });
  }
  const more = xattrs.length - told.length;
  return {
    file: {
      ...file,
      ...(atime === undefined ? {} : { atime }),
      ...(birth === undefined ? {} : { birth }),
      ...(allocated === undefined ? {} : { allocated }),
      ...(told.length === 0 ? {} : { xattrs: told }),
      ...(more === 0 ? {} : { moreXattrs: more }),
    },
    notes:
      cut === 0
        ? []
        : [`of ${cut} extended attributes the values are not told: they are too large for an answer`],
  };
}
