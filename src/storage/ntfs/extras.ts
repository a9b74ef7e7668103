import { allow, ByteView, KiB, MiB, refuse, type Verdict } from '../../base/index.ts';
import type { ExtendedAttribute, FileExtras } from '../../ports/index.ts';
import { WINDOWS } from './index-node.ts';
import { type NtfsNode, seconds, small } from './node.ts';
import { ATTRIBUTE } from './records.ts';
import type { SecurityDescriptors } from './security-index.ts';
import type { NtfsVolume } from './volume.ts';

const STANDARD_BYTES = KiB;
/** Where $STANDARD_INFORMATION names its descriptor; volumes before NTFS 3.0 have none there. */
const SECURITY_ID = 0x34;
const LARGEST_VALUE = 64 * KiB;
const MOST_BYTES = MiB;
const LONE_SURROGATE = /\p{Surrogate}/u;
const NORMAL = 0x80;
const DIRECTORY = 0x10;

/**
 * What a file carries beside its contents, under the names that ntfs-3g gives it: system.ntfs_attrib, system.ntfs_acl,
 * system.ntfs_ea, and named streams as user.NAME. `what` names the file for people.
 */
export async function extrasOf(
  volume: NtfsVolume,
  descriptors: SecurityDescriptors,
  { record, stat }: NtfsNode,
  what: string,
  signal?: AbortSignal,
): Promise<Verdict<FileExtras>> {
  const info = await small(volume, record, ATTRIBUTE.standardInformation, STANDARD_BYTES, signal);
  const view = new ByteView(info ?? new Uint8Array(0), '$STANDARD_INFORMATION');
  const xattrs: ExtendedAttribute[] = [];
  xattrs.push({ name: 'system.ntfs_attrib', value: attributeBits(view.u32le(0x20), record.directory) });
  const acl =
    (await small(volume, record, ATTRIBUTE.security, LARGEST_VALUE, signal)) ??
    (view.length >= SECURITY_ID + 4 ? await descriptors.find(view.u32le(SECURITY_ID), signal) : undefined);
  if (acl !== undefined) xattrs.push({ name: 'system.ntfs_acl', value: Uint8Array.from(acl) });
  const ea = await small(volume, record, ATTRIBUTE.extended, LARGEST_VALUE, signal);
  if (ea !== undefined) xattrs.push({ name: 'system.ntfs_ea', value: ea });
  let bytes = 0;
  for (const name of await volume.names(record, ATTRIBUTE.data, signal)) {
    if (LONE_SURROGATE.test(name)) {
      return refuse('FILE_UNSUPPORTED', `${what} has a stream whose name is not text.`);
    }
    const stream = await volume.stream(record, ATTRIBUTE.data, name, signal);
    const size = stream?.size ?? 0;
    bytes += size;
    if (size > LARGEST_VALUE || bytes > MOST_BYTES) {
      return refuse(
        'FILE_UNSUPPORTED',
        `${what} has a stream "${name}" of ${size} bytes beside its contents.`,
      );
    }
    const value = new Uint8Array(size);
    await stream?.read(0, value, signal);
    xattrs.push({ name: `user.${name}`, value });
  }
  return allow({
    atime: seconds(view.u64le(0x18)),
    birth: seconds(view.u64le(0x00)),
    ...(stat.kind === 'file' ? { allocated: await allocatedTo(volume, record, signal) } : {}),
    xattrs: xattrs.sort((a, b) => (a.name < b.name ? -1 : 1)),
  });
}

/** As ntfs-3g gives them: in the order of bytes of an x86, whether a directory or not said by the record. */
function attributeBits(stored: number, directory: boolean): Uint8Array {
  const known = stored & ~WINDOWS.directory & ~DIRECTORY;
  const bits = directory ? known | DIRECTORY : known;
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, bits === 0 ? NORMAL : bits, true);
  return value;
}

async function allocatedTo(
  volume: NtfsVolume,
  record: NtfsNode['record'],
  signal?: AbortSignal,
): Promise<number> {
  let clusters = 0;
  for (const { value } of await volume.parts(record, ATTRIBUTE.data, '', signal)) {
    if ('resident' in value) continue;
    for (const { cluster, count } of value.runs) if (cluster !== undefined) clusters += count;
  }
  return clusters * volume.layout.clusterSize;
}
