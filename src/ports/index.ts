export type { BlockCapabilities, BlockDevice, BlockExtent } from './block-device.ts';
export type { BootGuard, BootGuarded } from './boot-guard.ts';
export type { ChainChannel, ChainFrame, ChainLink } from './chain-link.ts';
export type { ChainRegisters } from './chain-registers.ts';
export type { Clock, Deadline, Entropy, Stop } from './clock.ts';
export type { Datagram } from './datagram.ts';
export type { DatagramPeer, DatagramServer } from './datagram-server.ts';
export type { DriveAnswer, DriveSecurity, DriveSecurityState } from './drive-security.ts';
export type { DriveSwitch, SwitchPosition } from './drive-switch.ts';
export type {
  DirectoryEntry,
  EntryReader,
  ExtendedAttribute,
  FileExtras,
  FileKind,
  FileStat,
  FileSystem,
  HostPath,
  OpenFile,
  VolumeFacts,
  VolumeLimits,
} from './file-system.ts';
export type { FirmwareSlot, FirmwareSlots, FlashRange } from './firmware-slots.ts';
export type { ConsoleClaim, HostConsole } from './host-console.ts';
export type { HostControl, PowerAction } from './host-control.ts';
export type { HostMedia } from './host-media.ts';
export type { HostPower, PowerFusion, PowerReading, PowerState } from './host-power.ts';
export type { Channel, ChannelKind, ChannelValue, IoDevices } from './io-devices.ts';
export type { KeyAgreement } from './key-agreement.ts';
export type { KeyAlgorithm, KeyStore, PublicKey } from './key-store.ts';
export type { LocalSink, LocalSource, PartFile } from './local-file.ts';
export type { LogLevel, LogSink } from './log-sink.ts';
export type { Measure, MeasureSink } from './measure-sink.ts';
export type {
  DimmSlot,
  MarchFindings,
  MarchMismatch,
  MarchOperation,
  MemoryProbe,
  MemoryRange,
} from './memory-probe.ts';
export type { BusMessage, BusState, MessageBus, PublishOptions, SubscribeOptions } from './message-bus.ts';
export type { KnownPowerState, PowerClaim, PowerSource } from './power-source.ts';
export type { SerialLine } from './serial-line.ts';
export type { Span } from './span.ts';
export type { StagedFile, StateStore } from './state-store.ts';
export type { ConfinementPart, ToolConfinement } from './tool-confinement.ts';
export type {
  EditableVolume,
  FileAttributes,
  FileContent,
  VolumeEdit,
  VolumeEditor,
} from './volume-editor.ts';
export type { Watchdog } from './watchdog.ts';
export type { AnswerWeb, WebBody, WebReply, WebRequest } from './web-server.ts';
