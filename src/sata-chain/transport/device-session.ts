import type { QueueError } from './queue-error-log.ts';

/** Why work of a device ended before its command did. */
export const RESET = new Error('reset');

/**
 * What a device knows between two resets: the commands that it has accepted and not completed. After a queued command
 * has failed, all others of the queue are abandoned and nothing but the error log is answered until it is read.
 */
export interface DeviceSession {
  readonly all: AbortController;
  queue: AbortController;
  readonly tags: Set<number>;
  plain: boolean;
  queueError: QueueError | undefined;
  /** Work under way for queued commands, which must end before the error log is answered. */
  readonly queueWork: Set<Promise<void>>;
}

export function newSession(): DeviceSession {
  return {
    all: new AbortController(),
    queue: new AbortController(),
    tags: new Set(),
    plain: false,
    queueError: undefined,
    queueWork: new Set(),
  };
}

/** Ends the queue: what is under way in it stops at its next step, and completes to nobody. */
export function freezeQueue(session: DeviceSession, error: QueueError): void {
  session.queueError = error;
  session.queue.abort(RESET);
}

export function thawQueue(session: DeviceSession): void {
  session.queueError = undefined;
  session.tags.clear();
  session.queue = new AbortController();
}
