import type { NsError, Verdict } from '../base/index.ts';
import type { BlockExtent } from './block-device.ts';

/** A path on a volume: absolute, "/"-separated, UTF-8, no "." or ".." segments. Checked by storage/host-path. */
export type HostPath = string;

export type FileKind = 'file' | 'directory' | 'symlink' | 'block' | 'character' | 'fifo' | 'socket';

export interface FileStat {
  /** As its directory has it; given where a name is found by others too: in another case, or as a short name. */
  readonly name?: string;
  readonly kind: FileKind;
  readonly inode: number;
  readonly size: number;
  /** Permission bits with set-id and sticky, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Whole seconds since 1970; may be negative. */
  readonly mtime: number;
  readonly ctime: number;
  /** The part of a second after `mtime`, 0 to 999,999,999, where the filesystem keeps it. */
  readonly mtimeNanoseconds?: number;
  /** Where the link leads, for a symlink. */
  readonly target?: string;
}

/** As the filesystem's Linux driver shows it: "user.comment", "system.posix_acl_access", "system.ntfs_attrib". */
export interface ExtendedAttribute {
  readonly name: string;
  readonly value: Uint8Array;
}

/** What a file carries beside its stat and its content. */
export interface FileExtras {
  /** Whole seconds since 1970, where the filesystem keeps them. */
  readonly atime?: number;
  readonly birth?: number;
  /** Bytes that it takes on the volume, where the filesystem counts them: less than its size where it has holes. */
  readonly allocated?: number;
  /** Sorted by name. */
  readonly xattrs: readonly ExtendedAttribute[];
}

export interface DirectoryEntry {
  /** The name as UTF-8 text; undefined where the bytes on disk are not UTF-8. */
  readonly name: string | undefined;
  readonly rawName: Uint8Array;
  readonly inode: number;
  /** Which use of the inode's number is meant, where the directory says so. */
  readonly generation?: number;
  readonly kind: FileKind | 'unknown';
}

/** Facts about a volume. */
export interface VolumeFacts {
  /** "ext4", "ext3", "vfat", … */
  readonly type: string;
  readonly label: string;
  readonly uuid: string;
  readonly blockSize: number;
  readonly size: number;
  /** Absent where telling would take reading a large part of the volume. */
  readonly free?: number;
  /** When the filesystem was last written, whole seconds since 1970, as it says itself. */
  readonly lastWrite: number;
  /** The times that a file can have here, whole seconds since 1970. */
  readonly earliestTime: number;
  readonly latestTime: number;
  /** Bytes that a file's extended attributes may take together: each its name, its value, and 22 more. Absent: not known. */
  readonly xattrRoom?: number;
  /** Absent where all that an order may ask for is kept. */
  readonly limits?: VolumeLimits;
}

/** What a kind of filesystem cannot keep. */
export interface VolumeLimits {
  /** Names that differ in case alone are one name. */
  readonly caseless: boolean;
  /** False: neither owner nor group is kept, and of the mode only whether anybody may write. */
  readonly owners: boolean;
  /** Seconds between two times that a file can have; 1e-7 for tenths of a microsecond. */
  readonly timeStep: number;
  /** Bytes. */
  readonly largestFile: number;
  /** False: none of the kind can be made here. Absent is as for a filesystem without limits. */
  readonly symlinks?: boolean;
  readonly hardLinks?: boolean;
  readonly xattrs?: boolean;
  readonly holes?: boolean;
}

/** An open regular file. Reads past the end give fewer bytes; holes read as zeros. */
export interface OpenFile {
  readonly stat: FileStat;
  /** Number of bytes put into `into`, 0 at the end. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<number>;
  /**
   * Where the file holds something and where nothing, as of a block device; `allocated` false is a hole. Absent where the
   * filesystem keeps no holes.
   */
  extents?(offset: number, length: number, signal?: AbortSignal): Promise<readonly BlockExtent[]>;
}

/**
 * Reading what a directory names without going down from the root for each. Entries are good as long as the volume is
 * open; what they say of the kind may be wrong on a damaged volume, and what is read here decides.
 */
export interface EntryReader {
  /**
   * As `stat` of each without following it, in the order of the entries. What cannot be told of one is a fault in its
   * place: NS_FS_CORRUPT, or that of the device.
   */
  stat(entries: readonly DirectoryEntry[], signal?: AbortSignal): Promise<readonly (FileStat | NsError)[]>;
  list(directory: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>>;
  open(file: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<OpenFile>>;
  extras(entry: DirectoryEntry, signal?: AbortSignal): Promise<Verdict<FileExtras>>;
}

/**
 * Reading a filesystem of the host. Absent files and wrong kinds are refusals; a filesystem that contradicts itself
 * throws NS_FS_CORRUPT (family peer). Symbolic links are resolved inside the volume only.
 */
export interface FileSystem {
  readonly facts: VolumeFacts;
  /** With `follow` false a final symlink is described itself. */
  stat(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileStat>>;
  /** In the order stored on disk, without "." and "..". */
  list(path: HostPath, signal?: AbortSignal): Promise<Verdict<AsyncIterable<DirectoryEntry>>>;
  open(path: HostPath, signal?: AbortSignal): Promise<Verdict<OpenFile>>;
  /** What has more than can be told is refused with FILE_UNSUPPORTED. */
  extras(path: HostPath, follow: boolean, signal?: AbortSignal): Promise<Verdict<FileExtras>>;
  readonly byEntry: EntryReader;
}
