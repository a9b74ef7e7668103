export { Bell } from './bell.ts';
export type { BlockPort } from './block-port.ts';
export { ChunkMap, chunkLength, chunksOf } from './chunk-map.ts';
export { clearRange } from './clear-range.ts';
export { DEFAULT_WINDOW, type Window } from './pace.ts';
export {
  type ArchiveEntry,
  type ArchiveLimits,
  ArchivePlan,
  type HeldEntry,
  heldBytes,
  isLinkTarget,
  MOST_SEGMENTS,
  type ReadArchive,
  type ReadContents,
  readArchive,
  type Segment,
} from './pax/index.ts';
export { receiveFile } from './receive-file.ts';
export type { Received, ReceiveOptions } from './receive-options.ts';
export { type SendOptions, sendFile } from './send-file.ts';
export type { TransferProgress } from './transfer-faults.ts';
export { type ExtentsAt, type KnownZeros, knownZeros } from './zero-map.ts';
