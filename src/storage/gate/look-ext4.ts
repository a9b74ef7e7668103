import { NsError, type Refusal, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { INCOMPAT, RO_COMPAT, unreadableFeatures, unwritableFeatures } from '../ext4/features.ts';
import { layoutOf } from '../ext4/layout.ts';
import { openExt4 } from '../ext4/open-ext4.ts';
import { type Ext4Superblock, readSuperblock } from '../ext4/superblock.ts';
import { lookForSwapFiles, type SwapEvidence } from './swap-files.ts';
import type { Finding, JournalState } from './volume-probe.ts';

const STATE_CLEAN = 1;
const STATE_ERRORS = 2;
const STATE_ORPHANS = 4;
const MMP_MAGIC = 0x004d4d50;
const MMP_CLEAN = 0xff4d4d50;

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

/** What hides swap files from us, and must not hide the rest: a dying disk is one that people want their files from. */
const UNSEEN: Readonly<Record<string, string>> = {
  NS_FS_CORRUPT: 'a damaged filesystem',
  NS_BLOCK_IO: 'sectors that cannot be read',
};

async function swapEvidence(device: BlockDevice, signal?: AbortSignal): Promise<SwapEvidence> {
  try {
    return await lookForSwapFiles(await openExt4(device, signal), signal);
  } catch (error) {
    const what = error instanceof NsError ? UNSEEN[error.code] : undefined;
    if (what === undefined) throw error;
    const unknown = {
      finding: 'unknown',
      what: `${what}, so that swap files could not be looked for`,
    } as const;
    return { hibernation: [unknown], resumes: [] };
  }
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
  const swap = await swapEvidence(device, signal);
  return { type, label, uuid, writeRefusals, journal: journalOf(superblock), notes, ...swap };
}
