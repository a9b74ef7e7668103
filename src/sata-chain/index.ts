export { COMMAND, type CommandClass, commandClass } from './ata/commands.ts';
export { decodeIdentity } from './ata/identify-decode.ts';
export { encodeIdentity } from './ata/identify-encode.ts';
export { LBA_LIMIT } from './ata/identify-words.ts';
export type { ChainWords, DeviceIdentity } from './ata/identity.ts';
export {
  type Merge,
  type MergeFault,
  type MergeOptions,
  mergeIdentities,
  mergeUnit,
} from './ata/merge-identities.ts';
export type { Generation, Level, Wire } from './phy/level.ts';
export type { Plug } from './plug.ts';
export {
  ATA_ERROR,
  AtaFault,
  type AtaFaultKind,
  type Lba,
  type SataTarget,
  type SectorRange,
} from './target.ts';
export { microseconds, millis, type Nanoseconds, nanoseconds, type Scheduler } from './time.ts';
export type { BelowRecord, MemberRecord, UnitMemory, UnitOrder, UnitRecord } from './unit/orders.ts';
