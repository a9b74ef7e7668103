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
export { BlockDrive, type BlockDriveOptions } from './drive/block-drive.ts';
export { type ChainDeviceOptions, openChainDevice } from './drive/chain-device.ts';
export type { Fis } from './fis/fis.ts';
export { decodeFis } from './fis/fis-decode.ts';
export { encodeFis } from './fis/fis-encode.ts';
export {
  checkFrameSize,
  decodePacket,
  encodePacket,
  type LinkPacket,
  PACKET_OVERHEAD,
} from './link/frame-codec.ts';
export { LinkSession, type LinkSessionHands, type LinkSessionOptions } from './link/link-session.ts';
export { SlipDecoder, slipEncode } from './link/slip.ts';
export type { Generation, Level, Wire } from './phy/level.ts';
export type { Plug } from './plug.ts';
export { ChainRouter, type RoutedMember } from './route/chain-router.ts';
export { gatedTarget } from './route/gate.ts';
export type { Window } from './route/window.ts';
export { explainFinding, type FindingWords, type Side, type SyncFinding } from './sync/findings.ts';
export {
  decodeMessage,
  encodeMessage,
  LARGEST_MESSAGE,
  SMALLEST_FRAME,
  type SyncMessage,
} from './sync/message.ts';
export type { OwnFacts, UnitFacts, WatchedBits } from './sync/own-facts.ts';
export {
  compareStamps,
  SYNC_CHANGES,
  SYNC_NOTICES,
  type SyncChange,
  type SyncDrive,
  type SyncRecord,
} from './sync/record.ts';
export { decodeRecord, encodeRecord, RECORD_BYTES } from './sync/record-codec.ts';
export { StateTable, TABLE_CAPACITY, type TableRow } from './sync/table.ts';
export { UnitSync, type UnitSyncOptions } from './sync/unit-sync.ts';
export {
  ATA_ERROR,
  AtaFault,
  type AtaFaultKind,
  type Lba,
  type SataRelay,
  type SataTarget,
  type SectorRange,
} from './target.ts';
export { microseconds, millis, type Nanoseconds, nanoseconds, type Scheduler } from './time.ts';
export type { BelowRecord, MemberRecord, UnitMemory, UnitOrder, UnitRecord } from './unit/orders.ts';
