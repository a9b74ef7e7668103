import type { ByteCount } from '../base/index.ts';

/** What a block device can do; known before anyone asks it to do so. */
export interface BlockCapabilities {
  readonly size: ByteCount;
  /** Logical sector size in bytes: 512 or 4096. */
  readonly sectorSize: ByteCount;
  readonly writable: boolean;
  readonly trim: boolean;
}

/** A run of bytes of one kind. */
export interface BlockExtent {
  readonly length: number;
  /** The medium holds something here; false where it was never written, or trimmed. */
  readonly allocated: boolean;
  /** Known to read as zeros. */
  readonly zero: boolean;
}

/**
 * Bytes at offsets: a drive, an image file, a partition of either, an overlay, a region of our own storage.
 * Offsets and lengths need not be aligned. A read or write that does not lie wholly within the size throws
 * NS_BLOCK_RANGE. A device that fails throws NS_BLOCK_IO (family world). Concurrent calls are allowed; two
 * overlapping writes under way at once have no defined order.
 */
export interface BlockDevice {
  /** For people and logs: "disk0", "disk0p2". */
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  /** Fills the whole of `into`. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /**
   * As `read`, from the medium itself: past every cache of this machine on the way, not past the drive's own. Absent where
   * that cannot be done.
   */
  readonly readMedium?: (offset: number, into: Uint8Array, signal?: AbortSignal) => Promise<void>;
  /** NS_BLOCK_READ_ONLY where the device is not writable. On return the bytes may still be in a volatile cache. */
  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** On return all earlier writes are on stable storage. */
  flush(signal?: AbortSignal): Promise<void>;
  /** The bytes need not be kept. A no-op where capabilities.trim is false. */
  trim(offset: number, length: number, signal?: AbortSignal): Promise<void>;
  /**
   * What lies at `offset`, in runs: at least one, together at most `length` bytes and perhaps fewer. Absent where the
   * device cannot tell; then everything counts as allocated.
   */
  extents?(offset: number, length: number, signal?: AbortSignal): Promise<readonly BlockExtent[]>;
  close(): Promise<void>;
}
