import { fromUtf8, NsError, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice, FileSystem } from '../../ports/index.ts';
import { INCOMPAT, RO_COMPAT, unreadableFeatures, unwritableFeatures } from '../ext4/features.ts';
import { layoutOf } from '../ext4/layout.ts';
import { openExt4 } from '../ext4/open-ext4.ts';
import { type Ext4Superblock, readSuperblock } from '../ext4/superblock.ts';
import { parseHostPath } from '../host-path.ts';
import { judgeSwapHeader } from './look-swap.ts';
import { type Finding, HEAD_SIZE, type HibernationEvidence, type JournalState } from './volume-probe.ts';

const STATE_CLEAN = 1;
const STATE_ERRORS = 2;
const STATE_ORPHANS = 4;
const MMP_MAGIC = 0x004d4d50;
const MMP_CLEAN = 0xff4d4d50;
const SWAP_FILES = ['/swapfile', '/swap.img', '/swap/swapfile', '/var/swapfile', '/swap'];
const MAX_FSTAB = 64 * 1024;
const MAX_SWAP_FILES = 32;

function journalOf(superblock: Ext4Superblock): JournalState {
  if (superblock.type === 'ext2') return 'none';
  if ((superblock.incompat & INCOMPAT.recover) === 0) return 'clean';
  return superblock.journalInode === 0 ? 'dirty-external' : 'dirty';
}

function stateRefusals(superblock: Ext4Superblock): Refusal[] {
  const refusals: Refusal[] = [];
  const { state } = superblock;
  if ((state & STATE_ERRORS) !== 0) {
    refusals.push(refusal('VOLUME_DAMAGED', 'The filesystem is marked as having errors.'));
  }
  if ((state & STATE_CLEAN) === 0 || (state & STATE_ORPHANS) !== 0) {
    refusals.push(refusal('VOLUME_DIRTY', 'The filesystem was not unmounted.'));
  }
  const dirty = (superblock.incompat & INCOMPAT.recover) !== 0;
  const orphans = superblock.lastOrphan !== 0 || (superblock.roCompat & RO_COMPAT.orphanPresent) !== 0;
  if (orphans && !dirty) {
    refusals.push(refusal('VOLUME_DIRTY', 'The filesystem holds deleted files that were still open.'));
  }
  const features = unwritableFeatures(superblock);
  if (features !== undefined) {
    refusals.push(
      refusal(
        'VOLUME_READ_ONLY',
        `The filesystem has features that the writing tools do not keep: ${features}.`,
      ),
    );
  }
  return refusals;
}

async function mountedElsewhere(
  device: BlockDevice,
  superblock: Ext4Superblock,
  signal?: AbortSignal,
): Promise<boolean> {
  if ((superblock.incompat & INCOMPAT.mmp) === 0) return false;
  const at = superblock.mmpBlock * superblock.blockSize;
  if (at <= 0 || at + 8 > device.capabilities.size) return true;
  const bytes = new Uint8Array(8);
  await device.read(at, bytes, signal);
  const view = new DataView(bytes.buffer);
  return view.getUint32(0, true) !== MMP_MAGIC || view.getUint32(4, true) !== MMP_CLEAN;
}

/** Paths that /etc/fstab gives as swap files. */
async function fstabSwapFiles(fs: FileSystem, signal?: AbortSignal): Promise<string[]> {
  const file = await fs.open('/etc/fstab', signal);
  if (!file.ok) return [];
  const bytes = new Uint8Array(MAX_FSTAB);
  const count = await file.value.read(0, bytes, signal);
  const lines = (fromUtf8(bytes.subarray(0, count)) ?? '').split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([what, , type]) => type === 'swap' && what?.startsWith('/') === true)
    .map(([what]) => what!)
    .filter((path) => !path.startsWith('/dev/'));
}

/** What hides swap files from us, and must not hide the rest: a dying disk is one that people want their files from. */
const UNSEEN: Readonly<Record<string, string>> = {
  NS_FS_CORRUPT: 'a damaged filesystem',
  NS_BLOCK_IO: 'sectors that cannot be read',
};

/** Swap can be a file, and a host can hibernate into it: looks at the usual places and at those in /etc/fstab. */
async function swapFileEvidence(
  device: BlockDevice,
  signal?: AbortSignal,
): Promise<Omit<HibernationEvidence, 'volume'>[]> {
  const found: Omit<HibernationEvidence, 'volume'>[] = [];
  try {
    const fs = await openExt4(device, signal);
    const paths = new Set([...SWAP_FILES, ...(await fstabSwapFiles(fs, signal))].slice(0, MAX_SWAP_FILES));
    for (const path of paths) {
      if (!parseHostPath(path).ok) continue;
      const file = await fs.open(path, signal);
      if (!file.ok) continue;
      const bytes = new Uint8Array(HEAD_SIZE);
      await file.value.read(0, bytes, signal);
      const text = (at: number, length: number): string =>
        Buffer.from(bytes.subarray(at, at + length)).toString('latin1');
      const header = judgeSwapHeader({ bytes, text });
      if (header?.state === 'hibernated') {
        found.push({ finding: 'hibernated', what: `hibernated swap file ${path} (${header.signature})` });
      }
    }
  } catch (error) {
    const what = error instanceof NsError ? UNSEEN[error.code] : undefined;
    if (what === undefined) throw error;
    found.push({ finding: 'unknown', what: `${what}, so that swap files could not be looked for` });
  }
  return found;
}

/** ext2, ext3 and ext4: clean, dirty, damaged, or with features that this version does not know. */
export async function lookForExt4(device: BlockDevice, signal?: AbortSignal): Promise<Finding | undefined> {
  const superblock = await readSuperblock(device, signal);
  if (superblock === undefined) return undefined;
  const { type, label, uuid } = superblock;
  const unknown = unreadableFeatures(superblock);
  if (unknown !== undefined) {
    const sentence = `The filesystem uses features that this version does not read: ${unknown}.`;
    return { type, label, uuid, readRefusal: refusal('VOLUME_UNSUPPORTED', sentence) };
  }
  try {
    layoutOf(superblock, device.capabilities.size);
  } catch (error) {
    if (!(error instanceof NsError)) throw error;
    const sentence = `The filesystem is damaged: ${error.message}.`;
    return { type, label, uuid, readRefusal: refusal('VOLUME_DAMAGED', sentence) };
  }
  const writeRefusals = stateRefusals(superblock);
  if (await mountedElsewhere(device, superblock, signal)) {
    writeRefusals.unshift(refusal('VOLUME_DIRTY', 'The filesystem is marked as mounted by a host.'));
  }
  const notes: string[] = [];
  if ((superblock.state & STATE_ERRORS) !== 0) notes.push('the filesystem is marked as having errors');
  if ((superblock.state & STATE_CLEAN) === 0) notes.push('the filesystem was not unmounted');
  const hibernation = await swapFileEvidence(device, signal);
  return { type, label, uuid, writeRefusals, journal: journalOf(superblock), notes, hibernation };
}
