export { COMMAND } from './ata/commands.ts';
export { decodeIdentity } from './ata/identify-decode.ts';
export { encodeIdentity } from './ata/identify-encode.ts';
export type { DeviceIdentity } from './ata/identity.ts';
export { type Merge, mergeUnit } from './ata/merge-identities.ts';
export { buildReport } from './control/build-report.ts';
export { ChainDriveSwitch } from './control/chain-drive-switch.ts';
export { RegisterChain } from './control/register-chain.ts';
export type {
  ChainAction,
  ChainControl,
  ChainReport,
  ChainSyncReport,
  UnitReport,
} from './control/report.ts';
export { BlockDrive, type BlockDriveOptions } from './drive/block-drive.ts';
export { openChainDevice } from './drive/chain-device.ts';
export { DrivePlug } from './drive/drive-plug.ts';
export type { Fis } from './fis/fis.ts';
export { decodeFis } from './fis/fis-decode.ts';
export { encodeFis } from './fis/fis-encode.ts';
export { Hba } from './host/hba.ts';
export {
  HOST_PORT_TIMINGS,
  type HostPort,
  type HostPortInput,
  type HostPortTimings,
  newHostPort,
  stepHostPort,
} from './host/host-port.ts';
export { Connection } from './link/connection.ts';
export {
  checkFrameSize,
  decodePacket,
  encodePacket,
  type LinkPacket,
  PACKET_OVERHEAD,
} from './link/frame-codec.ts';
export { LinkSession } from './link/link-session.ts';
export { OrderedChannel } from './link/ordered.ts';
export type { OrderedOptions } from './link/ordered-options.ts';
export { RemotePlug, servePlug } from './link/remote-plug.ts';
export { SignalChannel } from './link/signal-channel.ts';
export { SlipDecoder, slipEncode } from './link/slip.ts';
export { DEVICE_PHY, type DevicePhyState, stepDevicePhy } from './phy/device-phy.ts';
export { HOST_PHY, type HostPhyState, stepHostPhy } from './phy/host-phy.ts';
export type { Generation, Level } from './phy/level.ts';
export { newPhy, type Phy, type PhyEvent, type PhyLine, type PhyNotice, sstatusOf } from './phy/phy.ts';
export type { PhyStep } from './phy/step.ts';
export { isUp, type PhyTable } from './phy/table.ts';
export { type PhyTimings, SATA_TIMINGS, scaleTimings } from './phy/timings.ts';
export { type Found, foundIn, standsFor } from './pttrsm/found.ts';
export { hostIsServed, membersOf } from './pttrsm/guards.ts';
export { judge } from './pttrsm/judge.ts';
export { PTTRSM_ROWS } from './pttrsm/rows.ts';
export type { RawChain } from './raid/array-core.ts';
export type { ArrayEvent } from './raid/array-events.ts';
export { summarizeArray } from './raid/array-words.ts';
export type { CopyWorkOptions } from './raid/copy-work.ts';
export { ArrayLayout, type ChainMember } from './raid/layout.ts';
export { type ArrayParts, type OpenArray, openArray } from './raid/open-array.ts';
export type { PaceInputs, PaceLimits } from './raid/rebuild-pace.ts';
export { CSI, countOf, DSI, ISR, wordsOf } from './registers/chain-registers.ts';
export { register } from './registers/layout.ts';
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
export { giveOrder, readEnrolled, readUnit } from './registers-port/unit-driver.ts';
export {
  ANY_GATEWAY,
  decodeRelayMessage,
  type Envelope,
  encodeRelayMessage,
  envelopeId,
  LARGEST_PACKET,
} from './relay/envelope.ts';
export { RelayNode, type RelayNodeOptions } from './relay/relay-node.ts';
export { ChainRouter } from './route/chain-router.ts';
export { gatedTarget } from './route/gate.ts';
export type { Window } from './route/window.ts';
export {
  decodeMessage,
  encodeMessage,
  LARGEST_MESSAGE,
  SMALLEST_FRAME,
  type SyncMessage,
} from './sync/message.ts';
export type { UnitFacts } from './sync/own-facts.ts';
export { SYNC_CHANGES, SYNC_NOTICES, type SyncRecord } from './sync/record.ts';
export { decodeRecord, encodeRecord, RECORD_BYTES } from './sync/record-codec.ts';
export { UnitSync } from './sync/unit-sync.ts';
export { AtaFault, type Lba, type SataTarget, type SectorRange } from './target.ts';
export { microseconds, millis, type Nanoseconds, nanoseconds, type Scheduler } from './time.ts';
export { FisDevice, type FisDeviceOptions } from './transport/fis-device.ts';
export { FisHost, type FisHostOptions } from './transport/fis-host.ts';
export type { FisPipe } from './transport/fis-pipe.ts';
export type { UnitMemory, UnitOrder, UnitRecord } from './unit/orders.ts';
export { Ptddc, type UnitRouter } from './unit/ptddc.ts';
export { readRegisters } from './unit/read-registers.ts';
export { stepUnit } from './unit/step-unit.ts';
export { UNIT_TIMINGS, type UnitTimings, unitTimingsFor } from './unit/timings.ts';
export {
  newUnit,
  type Port,
  type TimerSlot,
  type Unit,
  type UnitInput,
  type UnitOutput,
} from './unit/unit.ts';
