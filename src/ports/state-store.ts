import type { BlockDevice } from './block-device.ts';

/**
 * Our own storage: small documents replaced atomically, preallocated regions, and staged files. Names are plain:
 * letters, digits, "-", "." and "_". A failed sync is fatal and throws NS_STATE_IO, not retryable.
 */
export interface StateStore {
  /** The document, or undefined where there is none. */
  readDocument(name: string): Promise<Uint8Array | undefined>;
  /** Replaces the document as a whole; durable on return. */
  writeDocument(name: string, bytes: Uint8Array): Promise<void>;
  /** A fixed-size region, preallocated and zeroed when new; opened as it was otherwise. */
  region(name: string, size: number): Promise<BlockDevice>;
  /** Removes a document, region or staged file; durable on return. No error where there is none. */
  remove(name: string): Promise<void>;
  /** The names with this prefix, sorted. */
  names(prefix: string): Promise<readonly string[]>;
  /** Opens or makes a staged file of this size. NO_SPACE shows as NsError NS_STATE_FULL. */
  stagedFile(name: string, size: number): Promise<StagedFile>;
  /** Bytes that may still be stored. */
  free(): Promise<number>;
}

/** A file on its way to or from a host's disk, kept on our own storage until it is whole. */
export interface StagedFile {
  readonly name: string;
  readonly size: number;
  readonly data: BlockDevice;
}
