export { type BlockMessage, blockMessage } from './block.ts';
export { decodeBlock, encodeBlock } from './block-codec.ts';
export { decode, decodeLabelled, encode, MAX_DEPTH } from './cbor.ts';
export { type CustomsRules, inspect, readCbor } from './customs.ts';
export {
  type DeviceEvent,
  deviceEvent,
  type Offer,
  type Outcome,
  type Presence,
  type Progress,
  type Receipt,
  type Rejected,
  receipt,
  type StagedNote,
} from './event.ts';
export { CHUNK_BYTES, LIMITS, NAME } from './fields.ts';
export { type FirmwareManifest, type FirmwarePart, firmwareManifest } from './firmware.ts';
export {
  type Audience,
  GRANT_BYTES,
  grantsOf,
  type Order,
  type OrderBody,
  orderBody,
  PROTOCOL_VERSION,
} from './order.ts';
export { parseMessage } from './parse.ts';
export { MOST_SAMPLES, SAMPLE_BYTES, type SampleRange, sampleRanges } from './samples.ts';
export { decodeSeen, encodeSeen, isFullSeen, type SeenMessage, seenThatFit } from './seen.ts';
export {
  type DeviceTopics,
  deviceTopics,
  eventsFilter,
  groupTopic,
  seenFilter,
  seenTeller,
} from './topics.ts';
export { MOST_LISTED, UNITS_A_PAGE } from './verbs/chain.ts';
export { MOST_MATCHES } from './verbs/find.ts';
export {
  type ArgsOf,
  type BudgetNote,
  type ChainNote,
  type ClockNote,
  type EffectNote,
  isVerb,
  type LockNote,
  type PowerNote,
  type ResultOf,
  type TaskState,
  VERBS,
  type Verb,
  type VolumeNote,
} from './verbs/index.ts';
export { MOST_SENSORS } from './verbs/sensor.ts';
export { LONGEST_STAGED, STAGED_A_PAGE } from './verbs/staged.ts';
export { VOLUMES_A_PAGE } from './verbs/volume.ts';
export { isXattrName, MOST_XATTRS, XATTR_ORDER_BYTES, XATTR_TOLD_BYTES, xattrSize } from './xattrs.ts';
