/** "partly": one of the two holds, the other does not. */
export type BootGuarded = 'yes' | 'partly' | 'no';

/**
 * What the host does by itself when its mains come back, and what it would boot from: kept by the board's own BMC. Guarded, mains
 * that come back switch nothing on, and no boot device is chosen beside the firmware's own order.
 */
export interface BootGuard {
  /** How it stands now, for `release`: at most 64 characters that only this guard reads. */
  setting(signal: AbortSignal): Promise<string>;
  guard(signal: AbortSignal): Promise<void>;
  /** Back to that setting; one that it does not know, or none, leaves what is there. A boot device that was chosen is gone. */
  release(setting: string | undefined, signal: AbortSignal): Promise<void>;
  /** As read back. */
  guarded(signal: AbortSignal): Promise<BootGuarded>;
}
