export { Bell } from './bell.ts';
export type { BlockPort } from './block-port.ts';
export { ChunkMap, chunkLength, chunksOf } from './chunk-map.ts';
export { DEFAULT_WINDOW, type Window } from './pace.ts';
export { type Received, type ReceiveOptions, receiveFile } from './receive-file.ts';
export { type SendOptions, sendFile } from './send-file.ts';
export type { TransferProgress } from './transfer-faults.ts';
