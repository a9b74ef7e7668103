export { checkBlockRange } from './block-range.ts';
export { BoundedQueue } from './bounded-queue.ts';
export {
  ByteView,
  concatBytes,
  equalBytes,
  fromHex,
  fromUtf8,
  fromUtf8Lossy,
  isAllZero,
  toHex,
  utf8,
} from './bytes.ts';
export { crc16Arc, crc16Xmodem, crc32, crc32c, crc32cRaw } from './checksum.ts';
export { type Duration, days, formatDuration, hours, milliseconds, minutes, seconds } from './duration.ts';
export { type EitherSignal, eitherSignal } from './either-signal.ts';
export {
  asNsError,
  type ErrorFamily,
  hasCode,
  NsError,
  type NsErrorOptions,
  sentenceOf,
} from './errors.ts';
export { EscapeKeys, type EscapeStep } from './escape-keys.ts';
export { LineQueue, type LineQueueLimits } from './line-queue.ts';
export { orAborted } from './or-aborted.ts';
export { allow, type Refusal, refusal, refuse, type Verdict } from './refusal.ts';
export { REFUSALS, type RefusalCode } from './refusal-codes.ts';
export { shapeConfig } from './shape-config.ts';
export {
  frameJson,
  frameRecord,
  type RecordKind,
  type StoredCopy,
  storedCopy,
  unframeJson,
  unframeRecord,
} from './stored-record.ts';
export { suggest } from './suggest.ts';
export { Turns } from './turns.ts';
export { type ByteCount, bytes, formatBytes, GiB, KiB, MiB } from './units.ts';
export { Waiters } from './waiters.ts';
