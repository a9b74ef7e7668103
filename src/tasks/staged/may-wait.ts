import type { Refusal, RefusalCode } from '../../base/index.ts';

/**
 * Refusals that end without a new order: the host goes down, is shut down fully, or lets go of its disk. All others end
 * a staged order at once, as they end any.
 */
const MENDED_BY_TIME: readonly RefusalCode[] = [
  'HOST_AWAKE',
  'HOST_STATE_UNKNOWN',
  'HOST_SUSPENDED',
  'HOST_HIBERNATED',
  'HOST_WAKING',
  'CUSTODY_UNAVAILABLE',
  'DISK_BUSY',
  'VOLUME_HIBERNATED',
  'VOLUME_DIRTY',
];

/** Whether a staged order that is refused so waits. */
export function mayWait({ code }: Pick<Refusal, 'code'>): boolean {
  return MENDED_BY_TIME.includes(code);
}
