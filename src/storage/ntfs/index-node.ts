import type { ByteView } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import { reference, utf16 } from './records.ts';

/** Names are kept once for each kind of system; a "dos" name is the short form of another. */
export type Namespace = 'posix' | 'win32' | 'dos' | 'both';
export const NAMESPACES: readonly Namespace[] = ['posix', 'win32', 'dos', 'both'];

/** File attributes of Windows, as an index and $STANDARD_INFORMATION keep them. */
export const WINDOWS = {
  readOnly: 0x1,
  hidden: 0x2,
  system: 0x4,
  archive: 0x20,
  reparsePoint: 0x400,
  directory: 0x1000_0000,
} as const;

export interface IndexEntry {
  readonly name: string;
  readonly namespace: Namespace;
  readonly record: number;
  readonly sequence: number;
  readonly attributes: number;
  /** Where `attributes` says reparsePoint. */
  readonly reparseTag: number;
  /** The block of the index with the names before this one. */
  readonly child: number | undefined;
}

export interface IndexNode {
  readonly entries: readonly IndexEntry[];
  /** The block with the names after the last. */
  readonly lastChild: number | undefined;
}

const ENTRY_FLAG = { child: 1, last: 2 } as const;
/** Length of a $FILE_NAME before the name itself. */
export const NAME_AT = 0x42;

/** The names of one node of a directory's index, from its header at byte `header` on. */
export function decodeIndexNode(view: ByteView, header: number): IndexNode {
  const entries: IndexEntry[] = [];
  const end = Math.min(view.length, header + view.u32le(header + 4));
  for (let at = header + view.u32le(header); at + 16 <= end; ) {
    const length = view.u16le(at + 8);
    const flags = view.u16le(at + 12);
    if (length < 16 || at + length > end) throw corrupt('an NTFS index entry has the wrong length');
    const child = (flags & ENTRY_FLAG.child) !== 0 ? view.u64leNumber(at + length - 8) : undefined;
    if ((flags & ENTRY_FLAG.last) !== 0) return { entries, lastChild: child };
    if (view.u16le(at + 10) >= NAME_AT) {
      const key = at + 16;
      entries.push({
        ...reference(view, at),
        name: utf16(view.slice(key + NAME_AT, view.u8(key + 0x40) * 2)),
        namespace: NAMESPACES[view.u8(key + 0x41)] ?? 'posix',
        attributes: view.u32le(key + 0x38),
        reparseTag: view.u32le(key + 0x3c),
        child,
      });
    }
    at += length;
  }
  throw corrupt('an NTFS index has no last entry');
}
