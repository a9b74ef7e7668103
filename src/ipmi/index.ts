export type { Admission, BmcAnswer, BmcCommand, Caller, CallerSession } from './bmc/command.ts';
export { Completion } from './bmc/command.ts';
export { type BmcCommandSetOptions, bmcCommandSet, type LanFacts } from './bmc/commands/index.ts';
export { BmcCommands, type BmcCommandsOptions, type BmcRequest, COMPLETION } from './bmc/dispatch.ts';
export type {
  BmcChassis,
  BmcIdentity,
  BmcMachine,
  BmcSensors,
  HostChange,
  HostConsole,
  Setting,
} from './bmc/machine.ts';
export { type AuditedEvent, auditRecords, type NewRecord, powerRecords } from './bmc/sel-events.ts';
export { SelStore, type SelStoreOptions } from './bmc/sel-store.ts';
export type { BmcAccount } from './bmc/session/account.ts';
export { LanChannel, type LanChannelOptions } from './bmc/session/channel.ts';
export { lanCommands } from './bmc/session/commands/index.ts';
export type { LanEvent } from './bmc/session/event.ts';
export { LAN_LIMITS, type LanLimits } from './bmc/session/limits.ts';
export { LanResponder, type LanResponderParts } from './bmc/session/responder.ts';
export { type SolCommandOptions, solCommands } from './bmc/sol/index.ts';
export { BridgedCarrier, type BridgeTarget, type BridgingCarrier } from './bridge.ts';
export { IpmiClient, type IpmiClientParts } from './client.ts';
export { type Carrier, type Command, runCommand } from './command.ts';
export * as commands from './commands/index.ts';
export { type Discovery, discover } from './discover.ts';
export { IpmiCompletion } from './faults.ts';
export { type DecodedFru, decodeFru } from './fru/decode.ts';
export { encodeFru } from './fru/encode.ts';
export type { FruField, FruInventory, MultiRecord } from './fru/inventory.ts';
export { fruRows } from './fru/rows.ts';
export type { LanConfiguration, User } from './lan.ts';
export type { PowerOptions } from './power.ts';
export { convert } from './sdr/convert.ts';
export { type EncodeSdrOptions, encodeSdr } from './sdr/encode.ts';
export type { Reading, Severity } from './sdr/reading.ts';
export type { SdrRecord } from './sdr/record.ts';
export type { SensorNow } from './sdr/sensor-reader.ts';
export { sensorTypeName } from './sdr/sensor-type.ts';
export { type AnySensor, sensorsOf } from './sdr/shared.ts';
export { decodeSelRecord, encodeSelEvent } from './sel/decode.ts';
export type { SelEvent, SelRecord } from './sel/record.ts';
export { bmcKeyFrom } from './session/bmc-key.ts';
export { LanCarrier, type LanCarrierOptions } from './session/lan-carrier.ts';
export type { Patience } from './session/line.ts';
export { isQuirk, QUIRKS, type Quirk } from './session/quirks.ts';
export { userKey } from './session/rakp.ts';
export { SessionlessCarrier, type SessionlessOptions } from './session/sessionless-carrier.ts';
export { LEVEL, type Level, type Login } from './session/set-up.ts';
export type { SolConfiguration } from './sol/configuration.ts';
export type { SolConsole, SolEnd, SolStatus } from './sol/console.ts';
export { openSol, type SolOptions } from './sol/open-sol.ts';
export { Sweeper, type SweeperOptions, type SweepQuestion, type SweepResult } from './sweep.ts';
export { decodeVmControl, VM_GREETING, VM_ORDER, type VmCapabilities, type VmOrder } from './vm/control.ts';
export { encodeVmFrame, type VmFrame, VmFrameReader } from './vm/frame.ts';
export { decodeVmRequest, encodeVmResponse, type VmRequest } from './vm/message.ts';
export { BT_FRAMES } from './wire/bt.ts';
export { CIPHER_SUITES, type CipherSuiteId } from './wire/cipher-suite.ts';
export type { HostFrames } from './wire/host-frames.ts';
export { KCS_FRAMES } from './wire/kcs.ts';
