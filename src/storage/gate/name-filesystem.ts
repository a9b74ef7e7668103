import { ByteView, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { formatUuid } from '../ext4/superblock.ts';
import { FROM_HOST } from './container.ts';
import type { Evidence, Finding, VolumeHead } from './volume-probe.ts';

const utf16 = new TextDecoder('utf-16le');

/** How a kind is known and what is told of it. Signatures from the kinds' own headers, as libblkid looks for them. */
interface Kind {
  readonly type: string;
  readonly name: string;
  readonly is: (head: VolumeHead, view: ByteView) => boolean;
  readonly label?: (view: ByteView) => string;
  readonly uuid?: (view: ByteView) => string;
  /** A Linux can keep a swap file on it, or swap in it, and hibernate there. */
  readonly mayHoldSwap?: true;
}

const at =
  (offset: number, ...texts: readonly string[]) =>
  (head: VolumeHead): boolean =>
    texts.some((text) => head.text(offset, text.length) === text);
const uuidAt = (offset: number) => (view: ByteView) => formatUuid(view.slice(offset, 16));
const asciiAt = (offset: number, size: number) => (view: ByteView) => view.ascii(offset, size).trimEnd();

/** Signatures that nothing else is likely to carry: two of them on one volume are a contradiction. */
const STRONG: readonly Kind[] = [
  {
    type: 'xfs',
    name: 'XFS',
    is: at(0, 'XFSB'),
    label: asciiAt(108, 12),
    uuid: uuidAt(32),
    mayHoldSwap: true,
  },
  {
    type: 'btrfs',
    name: 'btrfs',
    is: at(0x10040, '_BHRfS_M'),
    label: asciiAt(0x1012b, 256),
    uuid: uuidAt(0x10020),
    mayHoldSwap: true,
  },
  { type: 'apfs', name: 'APFS', is: at(32, 'NXSB'), uuid: uuidAt(72) },
  { type: 'refs', name: 'ReFS', is: at(3, 'ReFS\0\0\0\0') },
  {
    type: 'f2fs',
    name: 'F2FS',
    is: (_, view) => view.u32le(1024) === 0xf2f52010,
    label: (view) => utf16.decode(view.slice(1024 + 124, 512)).replace(/\0.*$/su, ''),
    uuid: uuidAt(1024 + 108),
    mayHoldSwap: true,
  },
  { type: 'erofs', name: 'EROFS', is: (_, view) => view.u32le(1024) === 0xe0f5e1e2 },
  { type: 'squashfs', name: 'SquashFS', is: at(0, 'hsqs', 'sqsh') },
  {
    type: 'bcachefs',
    name: 'bcachefs',
    is: at(4120, '\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef'),
    uuid: uuidAt(4096 + 56),
    mayHoldSwap: true,
  },
  {
    type: 'bcache',
    name: 'a device of bcache',
    is: at(4120, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81'),
    uuid: uuidAt(4096 + 40),
    mayHoldSwap: true,
  },
  { type: 'vdo', name: 'VDO', is: at(0, 'dmvdo001'), mayHoldSwap: true },
  {
    type: 'stratis',
    name: 'a device of Stratis',
    is: at(516, '!Stra0tis\x86\xff\x02^\x41rh'),
    mayHoldSwap: true,
  },
  { type: 'storage-spaces', name: 'a member of a Windows storage pool', is: at(4096, 'SPACEDB ') },
  { type: 'bluestore', name: 'a device of Ceph', is: at(0, 'bluestore block device') },
];

/** Signatures that may be left over, or that a file's bytes could make: they count where there is nothing else. */
const WEAK: readonly Kind[] = [
  { type: 'hfsplus', name: 'HFS+', is: at(1024, 'H+\0\x04', 'HX\0\x05') },
  { type: 'hfs', name: 'HFS', is: at(1024, 'BD') },
  {
    type: 'ufs',
    name: 'UFS2',
    is: (_, view) => [view.u32le(66_908), view.u32be(66_908)].includes(0x19540119),
    label: asciiAt(65_536 + 680, 32),
  },
  { type: 'ufs', name: 'UFS1', is: (_, view) => [view.u32le(9564), view.u32be(9564)].includes(0x00011954) },
  { type: 'jfs', name: 'JFS', is: at(32_768, 'JFS1'), uuid: uuidAt(32_768 + 136), mayHoldSwap: true },
  {
    type: 'reiserfs',
    name: 'ReiserFS',
    is: at(65_588, 'ReIsErFs', 'ReIsEr2Fs', 'ReIsEr3Fs'),
    uuid: uuidAt(65_620),
    mayHoldSwap: true,
  },
  { type: 'nilfs2', name: 'NILFS2', is: (_, view) => view.u16le(1030) === 0x3434 },
  { type: 'gfs2', name: 'GFS2', is: (_, view) => view.u32be(65_536) === 0x01161970 },
  { type: 'udf', name: 'UDF', is: at(34_817, 'NSR02', 'NSR03') },
  { type: 'udf', name: 'UDF', is: at(36_865, 'NSR02', 'NSR03') },
  { type: 'iso9660', name: 'ISO 9660', is: at(32_769, 'CD001'), label: asciiAt(32_808, 32) },
];

const unread = (name: string): Refusal =>
  refusal('VOLUME_UNSUPPORTED', `The volume is ${name}, which this version does not read.`, FROM_HOST);

function found(kind: Kind, view: ByteView): Finding {
  const hidden: Evidence = { finding: 'hidden', what: `${kind.name}, which may hold hibernated swap` };
  return {
    type: kind.type,
    label: kind.label?.(view) ?? '',
    uuid: kind.uuid?.(view) ?? '',
    readRefusal: unread(kind.name),
    ...(kind.mayHoldSwap === true ? { hibernation: [hidden] } : {}),
  };
}

/** Filesystems and the like that are named and refused. */
export async function nameFilesystem(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding | undefined> {
  const view = new ByteView(head.bytes, 'volume');
  if (head.text(3, 8) === 'EXFAT   ') {
    const { label, uuid, notes } = await (await import('./look-exfat.ts')).lookAtExfat(device, head, signal);
    return { type: 'exfat', label, uuid, notes, readRefusal: unread('exFAT') };
  }
  const kind = STRONG.find(({ is }) => is(head, view));
  if (kind === undefined) return undefined;
  const finding = found(kind, view);
  if (kind.type === 'xfs') {
    const log = await (await import('./look-xfs-log.ts')).xfsLogState(device, view, signal);
    return { ...finding, notes: [log] };
  }
  if (kind.type === 'btrfs') return { ...finding, notes: btrfsNotes(view) };
  return finding;
}

/** What else a volume may be on which no certain signature was found. */
export async function nameRarer(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding | undefined> {
  const second = await (await import('./look-luks.ts')).lookForSecondLuksHeader(device, signal);
  if (second !== undefined) return second;
  const zfs = (await import('./look-zfs.ts')).lookForZfs(head);
  if (zfs !== undefined) return zfs;
  const view = new ByteView(head.bytes, 'volume');
  const kind = WEAK.find(({ is }) => is(head, view));
  return kind === undefined ? undefined : found(kind, view);
}

/** From the superblock at 64 KiB: its log tree holds what was made durable since the last commit. */
function btrfsNotes(view: ByteView): string[] {
  const devices = view.u64le(0x10088);
  return [
    view.u64le(0x10060) === 0n ? 'its log tree is empty' : 'its log tree holds changes: it was not unmounted',
    ...(devices > 1n ? [`one of ${devices} devices of the filesystem`] : []),
  ];
}
