import type { Duration } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import type { BlockPort } from './block-port.ts';
import type { ChunkMap } from './chunk-map.ts';
import type { Window } from './pace.ts';
import type { TransferProgress } from './transfer-faults.ts';

export interface ReceiveOptions {
  /** The transfer's id: that of its order. */
  readonly id: Uint8Array;
  readonly size: number;
  readonly chunk: number;
  /** What the whole must hash to, where that is known before. */
  readonly sha256?: Uint8Array;
  /** What is there from an earlier try; new ChunkMap(chunksOf(size, chunk)) where nothing is. Changed as chunks come. */
  readonly have: ChunkMap;
  readonly write: (offset: number, data: Uint8Array, signal: AbortSignal) => Promise<void>;
  /**
   * Makes the bytes of a range zero, whatever an earlier try wrote there. Where it is given, the sender may leave out
   * what is zero.
   */
  readonly zero?: ((offset: number, length: number, signal: AbortSignal) => Promise<void>) | undefined;
  /** Fills the whole of `into` from what was written. */
  readonly read: (offset: number, into: Uint8Array, signal: AbortSignal) => Promise<void>;
  /** On return all that was written is on stable storage. */
  readonly flush: () => Promise<void>;
  /** Stores the map. Called after a flush, so it never names a chunk that a power cut can take. */
  readonly saveMap: (map: Uint8Array) => Promise<void>;
  /** Chunks between two savings; 16 by default. */
  readonly saveEvery?: number;
  readonly port: BlockPort;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Longest time without a new chunk. */
  readonly noProgress: Duration;
  readonly window?: Window;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface Received {
  readonly sha256: Uint8Array;
  /** Chunks that came over the link in this run, and how many of these were of no use. */
  readonly chunks: number;
  readonly wasted: number;
  /** Stops repeating `end`; call it when the other end is known to have heard. It stops by itself after a while. */
  readonly release: Stop;
}
