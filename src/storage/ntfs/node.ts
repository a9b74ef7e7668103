import { ByteView, KiB, type Refusal, refusal } from '../../base/index.ts';
import type { FileStat } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { type NtfsName, namesOf } from './file-names.ts';
import { WINDOWS } from './index-node.ts';
import { ATTRIBUTE } from './records.ts';
import { decodeReparse, type Reparse } from './reparse.ts';
import type { NtfsRecord, NtfsVolume } from './volume.ts';

/** The largest that a reparse point may be ([MS-FSCC] 2.1.2). */
const LARGEST_REPARSE = 16 * KiB;
/** NTFS has access lists instead; these modes are what people expect to see, as with other readers. */
const MODE = { directory: 0o755, file: 0o644, readOnly: 0o444 } as const;

/** A file or directory, and what it is. */
export interface NtfsNode {
  readonly record: NtfsRecord;
  readonly reparse: Reparse | undefined;
  readonly names: readonly NtfsName[];
  readonly stat: FileStat;
}

/** Reads what a record is. NS_FS_CORRUPT where it is none that is in use. */
export async function nodeOf(
  volume: NtfsVolume,
  record: NtfsRecord,
  signal?: AbortSignal,
): Promise<NtfsNode> {
  const info = await small(volume, record, ATTRIBUTE.standardInformation, 1 * KiB, signal);
  if (info === undefined) throw corrupt(`record ${record.number} is no file`);
  const view = new ByteView(info, '$STANDARD_INFORMATION');
  const point = await small(volume, record, ATTRIBUTE.reparsePoint, LARGEST_REPARSE, signal);
  const reparse = point === undefined ? undefined : decodeReparse(point);
  const link = reparse?.is === 'link';
  const kind = link ? 'symlink' : record.directory ? 'directory' : 'file';
  const names = await namesOf(volume, record, signal);
  const readOnly = (view.u32le(0x20) & WINDOWS.readOnly) !== 0;
  return {
    record,
    reparse,
    names,
    stat: {
      kind,
      inode: record.number,
      size: kind === 'file' ? await sizeOf(volume, record, signal) : 0,
      mode: kind === 'directory' ? MODE.directory : readOnly ? MODE.readOnly : MODE.file,
      uid: 0,
      gid: 0,
      links: Math.max(1, names.filter(({ namespace }) => namespace !== 'dos').length),
      mtime: seconds(view.u64le(8)),
      ctime: seconds(view.u64le(16)),
      mtimeNanoseconds: Number(view.u64le(8) % TICKS) * 100,
      ...(link ? { target: reparse.target } : {}),
    },
  };
}

/** The whole of an attribute, which may be no larger than this; undefined where there is none. Throws NS_FS_CORRUPT. */
export async function small(
  volume: NtfsVolume,
  record: NtfsRecord,
  type: number,
  largest: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const stream = await volume.stream(record, type, '', signal);
  if (stream === undefined) return undefined;
  if (stream.size > largest) throw corrupt(`an attribute of record ${record.number} is too large`);
  const bytes = new Uint8Array(stream.size);
  await stream.read(0, bytes, signal);
  return bytes;
}

/** Without reading where the contents lie: they may be encrypted. */
async function sizeOf(volume: NtfsVolume, record: NtfsRecord, signal?: AbortSignal): Promise<number> {
  const parts = await volume.parts(record, ATTRIBUTE.data, '', signal);
  for (const { value } of parts) {
    if ('resident' in value) return value.resident.byteLength;
    if (value.first === 0) return value.size;
  }
  return 0;
}

/** Why a file's contents cannot be read here; undefined where they can. */
export function contentsRefusal({ reparse, record }: NtfsNode, path: string): Refusal | undefined {
  if (reparse?.is === 'other') {
    const tag = reparse.tag.toString(16).padStart(8, '0');
    return refusal('FILE_UNSUPPORTED', `${path} is kept by Windows in a form not read here (0x${tag}).`);
  }
  const encrypted = record.attributes.some(({ type, encrypted }) => type === ATTRIBUTE.data && encrypted);
  return encrypted ? refusal('FILE_UNSUPPORTED', `${path} is encrypted by Windows.`) : undefined;
}

/** Of a second: NTFS counts tenths of microseconds, from 1601 on. */
const TICKS = 10_000_000n;
const SINCE_1601 = 11_644_473_600;

/** Whole seconds since 1970, from tenths of microseconds since 1601. */
export function seconds(fileTime: bigint): number {
  return Number(fileTime / TICKS) - SINCE_1601;
}

export function fileTime(wholeSeconds: number, nanoseconds = 0): bigint {
  return BigInt(wholeSeconds + SINCE_1601) * TICKS + BigInt(Math.floor(nanoseconds / 100));
}
