export { aclFault, aclMode, aclWithMode } from './acl-mode.ts';
export { type AttributeBlock, leaveAttributeBlock } from './attribute-block.ts';
export { boundedDevice } from './bounded-device.ts';
export { changeVolume, type VolumeChange, type VolumeChanged } from './change-volume.ts';
export { type ChangeStep, type CommitReport, type CommitRequest, commitEffect } from './commit-effect.ts';
export { type Effect, type EffectRun, measureEffect } from './effect.ts';
export { expandGlob, type GlobLimits } from './expand-glob.ts';
export { type Ext4Geometry, openExt4Geometry } from './ext4/geometry.ts';
export { openExt4 } from './ext4/open-ext4.ts';
export { type Settled, settleExt4 } from './ext4/settle.ts';
export { FatChildren } from './fat/children.ts';
export { fillFat } from './fat/fill.ts';
export { giveName, standInName } from './fat/long-name.ts';
export { checkFatPath } from './fat/names.ts';
export { ext4FreeBlocks, type IsFree } from './free-blocks.ts';
export { type DriveLocksSeen, judgeDrive } from './gate/judge-drive.ts';
export {
  JOURNAL_NOT_REPLAYED,
  judgeVolume,
  type VolumePermit,
  type VolumeWant,
} from './gate/judge-volume.ts';
export { decodeDiscovery, type OpalState } from './gate/opal-discovery.ts';
export { probeDisk } from './gate/probe-disk.ts';
export { type DiskToProbe, probeDisks } from './gate/probe-disks.ts';
export { resolveVolume, type Volume } from './gate/resolve-volume.ts';
export { volumeDevice } from './gate/volume-device.ts';
export type { DiskProbe, HibernationEvidence, JournalState, VolumeProbe } from './gate/volume-probe.ts';
export { compileGlob, type Glob, hasGlob } from './glob.ts';
export {
  baseName,
  checkWritableName,
  joinPath,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  parentPath,
  parseHostPath,
  pathNames,
} from './host-path.ts';
export { checkNewNames } from './kind-names.ts';
export { type MediumView, mediumView } from './medium-view.ts';
export { checkNtfs } from './ntfs/check.ts';
export { type NtfsStep, planNtfsEdits } from './ntfs/edit-plan.ts';
export { placeNtfsContents } from './ntfs/place-contents.ts';
export { settleTimes } from './ntfs/settle.ts';
export { openFileSystem } from './open-file-system.ts';
export { Overlay, type OverlayOptions } from './overlay.ts';
export type { Partition, PartitionTable } from './partitions/partition.ts';
export { readPartitionTable } from './partitions/read-table.ts';
export { openRedoLog, REDO_SIZE, RedoLog, type RedoTarget } from './redo-log.ts';
export { discardRedoLog, type Recovery, type RecoveryDisk, recoverRedoLogs } from './redo-recovery.ts';
export { replayedView } from './replayed-view.ts';
export { type UnusedSpace, unusedSpace } from './unused-space.ts';
export { verifyEdits } from './verify-edits.ts';
export { wrongXattrs } from './verify-xattrs.ts';
