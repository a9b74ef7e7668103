/** The slots that an update can write; the recovery system is beside them, and nothing writes it. */
export type FirmwareSlot = 'a' | 'b';

/**
 * A part of the medium that firmware lives on. What is written must have been erased before, in whole erase blocks. Whatever
 * the medium refuses or cannot do is NsError NS_FLASH, not retryable; a range outside is NS_BLOCK_RANGE and changes nothing.
 */
export interface FlashRange {
  /** Bytes. */
  readonly size: number;
  /** Bytes that are erased at a time; the size is a multiple of it. */
  readonly eraseSize: number;
  /** Makes whole erase blocks ready to be written; on a medium that needs none it does nothing. */
  erase(offset: number, length: number, signal?: AbortSignal): Promise<void>;
  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Fills the whole of `into` from the medium itself: after a flush never from what was kept of a write. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** On return all that was written is on the medium. */
  flush(): Promise<void>;
}

/** Where this board's own firmware lies. */
export interface FirmwareSlots {
  /** What was started. */
  readonly running: FirmwareSlot | 'recovery';
  /** What a slot holds: the part that the boot checks. */
  readonly slots: Readonly<Record<FirmwareSlot, FlashRange>>;
  /** The two copies of the boot record, each in erase blocks of its own. */
  readonly record: readonly [FlashRange, FlashRange];
  close(): Promise<void>;
}
