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
export { buildReport, type ReportParts } from './control/build-report.ts';
export {
  ChainDriveSwitch,
  type ChainDriveSwitchOptions,
  type ChainHead,
} from './control/chain-drive-switch.ts';
export { RegisterChain, type RegisterChainOptions } from './control/register-chain.ts';
export type {
  ArraySummary,
  ChainAction,
  ChainControl,
  ChainQuestion,
  ChainReport,
  ChainSyncReport,
  ChainTrouble,
  RegisterReport,
  UnitReport,
} from './control/report.ts';
export { BlockDrive, type BlockDriveOptions } from './drive/block-drive.ts';
export { type ChainDeviceOptions, openChainDevice } from './drive/chain-device.ts';
export { DrivePlug, type DrivePlugOptions } from './drive/drive-plug.ts';
export type { Fis } from './fis/fis.ts';
export { decodeFis } from './fis/fis-decode.ts';
export { encodeFis } from './fis/fis-encode.ts';
export { Hba, type HbaOptions } from './host/hba.ts';
export {
  HOST_PORT_TIMINGS,
  type HostPort,
  type HostPortInput,
  type HostPortOutput,
  type HostPortStep,
  type HostPortTimings,
  newHostPort,
  stepHostPort,
} from './host/host-port.ts';
export { LinkCable } from './link/cable.ts';
export { Connection } from './link/connection.ts';
export { type FisChannel, type FisChannelOptions, fisChannel } from './link/fis-channel.ts';
export {
  checkFrameSize,
  decodePacket,
  encodePacket,
  type LinkPacket,
  PACKET_OVERHEAD,
} from './link/frame-codec.ts';
export { LinkSession, type LinkSessionHands, type LinkSessionOptions } from './link/link-session.ts';
export { OrderedChannel } from './link/ordered.ts';
export type { OrderedOptions } from './link/ordered-options.ts';
export { RemotePlug, servePlug } from './link/remote-plug.ts';
export { SignalChannel } from './link/signal-channel.ts';
export { SlipDecoder, slipEncode } from './link/slip.ts';
export { DEVICE_PHY, type DevicePhyState, stepDevicePhy } from './phy/device-phy.ts';
export { HOST_PHY, type HostPhyState, stepHostPhy } from './phy/host-phy.ts';
export type { Generation, Level, Wire } from './phy/level.ts';
export {
  clearSerror,
  newPhy,
  type Phy,
  type PhyEvent,
  type PhyLine,
  type PhyNotice,
  type PhyTimer,
  type Sleep,
  sstatusOf,
} from './phy/phy.ts';
export type { PhyStep } from './phy/step.ts';
export { isUp, type PhyRow, type PhyTable } from './phy/table.ts';
export { type PhyTimings, SATA_TIMINGS, scaleTimings } from './phy/timings.ts';
export type { Plug } from './plug.ts';
export { type Found, foundIn, standsFor } from './pttrsm/found.ts';
export { hostIsServed, membersOf, ownerIsServed, presentation } from './pttrsm/guards.ts';
export { type ChainFault, FAULT_SENTENCE, type Judgement, judge } from './pttrsm/judge.ts';
export type { Pttrsm, TRow, TState, UnitTimer } from './pttrsm/pttrsm.ts';
export { PTTRSM_ROWS } from './pttrsm/rows.ts';
export { foundAt, SIDE_ROWS, type Side as PortSide } from './pttrsm/side.ts';
export {
  type ArrayLimits,
  DEFAULT_LIMITS,
  type MemberHealth,
  type RawChain,
} from './raid/array-core.ts';
export type { ArrayEvent, TimedArrayEvent } from './raid/array-events.ts';
export type { ArrayState, ArrayStatus } from './raid/array-status.ts';
export type { ArrayRole, MappingRegister, MemberState } from './raid/array-table.ts';
export { summarizeArray } from './raid/array-words.ts';
export type { CopyWorkOptions } from './raid/copy-work.ts';
export { ArrayLayout, type ChainMember, spanningLayout } from './raid/layout.ts';
export { type ArrayParts, type OpenArray, openArray } from './raid/open-array.ts';
export type { PaceInputs, PaceLimits } from './raid/rebuild-pace.ts';
export { CSI, countOf, DSI, ISR, serialBytes, wordsOf } from './registers/chain-registers.ts';
export { type FieldValues, type Register, register } from './registers/layout.ts';
export { SCONTROL, SERROR, SSTATUS } from './registers/scr.ts';
export { reasonOf } from './registers-port/reason.ts';
export {
  CONTROL,
  INTERRUPT,
  MAP_CONTROL,
  ORDER_WORDS,
  PORT_OFFSET,
  PORT_REGISTERS,
  REGISTER,
  REGISTER_MAP,
} from './registers-port/register-map.ts';
export { registerPage } from './registers-port/register-page.ts';
export { SimRegisters } from './registers-port/sim-registers.ts';
export { numberOfReason, numberOfState, STATUS } from './registers-port/status-word.ts';
export {
  type EnrolledMembers,
  giveOrder,
  readEnrolled,
  readUnit,
  type UnitSnapshot,
} from './registers-port/unit-driver.ts';
export {
  ANY_GATEWAY,
  decodeRelayMessage,
  type Envelope,
  encodeRelayMessage,
  envelopeId,
  LARGEST_PACKET,
  type RelayMessage,
} from './relay/envelope.ts';
export { RelayCore, type RelayEffect, type RelayInput, type RelayRules } from './relay/relay-core.ts';
export { RelayNode, type RelayNodeOptions } from './relay/relay-node.ts';
export { Seen } from './relay/seen.ts';
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
export type { OwnFacts, UnitFacts } from './sync/own-facts.ts';
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
export { FisDevice, type FisDeviceOptions } from './transport/fis-device.ts';
export { FisHost, type FisHostOptions } from './transport/fis-host.ts';
export { type FisPipe, fisPipe } from './transport/fis-pipe.ts';
export type { BelowRecord, MemberRecord, UnitMemory, UnitOrder, UnitRecord } from './unit/orders.ts';
export { Ptddc, type PtddcOptions, type UnitRouter } from './unit/ptddc.ts';
export { type PortRegisters, readRegisters, type UnitRegisters } from './unit/read-registers.ts';
export { stepUnit, type UnitStep } from './unit/step-unit.ts';
export { UNIT_TIMINGS, type UnitTimings, unitTimingsFor } from './unit/timings.ts';
export {
  newUnit,
  type Port,
  type TimerSlot,
  type Unit,
  type UnitInput,
  type UnitOutput,
  withoutShadows,
} from './unit/unit.ts';
