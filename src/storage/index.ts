export { boundedDevice } from './bounded-device.ts';
export { type Ext4Geometry, openExt4Geometry } from './ext4/geometry.ts';
export { openExt4 } from './ext4/open-ext4.ts';
export {
  JOURNAL_NOT_REPLAYED,
  judgeVolume,
  type VolumePermit,
  type VolumeWant,
} from './gate/judge-volume.ts';
export { probeDisk, volumeDevice } from './gate/probe-disk.ts';
export { resolveVolume, type Volume } from './gate/resolve-volume.ts';
export type { DiskProbe, HibernationEvidence, JournalState, VolumeProbe } from './gate/volume-probe.ts';
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
export type { Partition, PartitionTable } from './partitions/partition.ts';
export { readPartitionTable } from './partitions/read-table.ts';
