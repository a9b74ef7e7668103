import { AtaFault } from '../target.ts';
import type { Nanoseconds, Scheduler } from '../time.ts';

/** How a command to several units ended: those that did it, and what the others said. */
export interface Outcome {
  readonly good: ReadonlySet<string>;
  readonly bad: ReadonlyMap<string, unknown>;
}

/**
 * Sends one command to several units at once and waits for all; once one of them has done it, only so much longer,
 * after which the rest are cut off and count as not answering. While none has done it, the host's own patience is the
 * only limit, as with a single drive.
 */
export async function settleCopies(
  units: readonly string[],
  send: (unit: string, signal: AbortSignal | undefined) => Promise<void>,
  options: {
    readonly scheduler: Scheduler;
    readonly lag: Nanoseconds;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Outcome> {
  const good = new Set<string>();
  const bad = new Map<string, unknown>();
  const [only] = units;
  if (units.length === 1 && only !== undefined) {
    try {
      await send(only, options.signal);
      good.add(only);
    } catch (error) {
      bad.set(only, error);
    }
    return { good, bad };
  }
  const cut = new AbortController();
  const relay = () => cut.abort(options.signal?.reason);
  if (options.signal?.aborted === true) relay();
  options.signal?.addEventListener('abort', relay, { once: true });
  let stopWaiting: (() => void) | undefined;
  await new Promise<void>((resolve) => {
    const pending = new Set(units);
    const ended = (unit: string) => {
      pending.delete(unit);
      if (pending.size === 0) resolve();
      else if (good.size > 0) {
        stopWaiting ??= options.scheduler.after(options.lag, () => {
          for (const late of pending) bad.set(late, new AtaFault('LINK', 'no answer in time'));
          pending.clear();
          cut.abort();
          resolve();
        });
      }
    };
    for (const unit of units) {
      send(unit, cut.signal).then(
        () => {
          if (!pending.has(unit)) return;
          good.add(unit);
          ended(unit);
        },
        (error: unknown) => {
          if (!pending.has(unit)) return;
          bad.set(unit, error);
          ended(unit);
        },
      );
    }
  });
  stopWaiting?.();
  options.signal?.removeEventListener('abort', relay);
  return { good, bad };
}

/**
 * One command to one unit with an end: after the limit it is cut off and counts as not answering, even where the unit
 * never lets go of it.
 */
export async function within(
  send: (signal: AbortSignal | undefined) => Promise<void>,
  options: {
    readonly scheduler: Scheduler;
    readonly limit: Nanoseconds;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  const cut = new AbortController();
  const relay = () => cut.abort(options.signal?.reason);
  if (options.signal?.aborted === true) relay();
  options.signal?.addEventListener('abort', relay, { once: true });
  let stopWaiting = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      stopWaiting = options.scheduler.after(options.limit, () => {
        reject(new AtaFault('LINK', 'no answer in time'));
        cut.abort();
      });
      send(cut.signal).then(resolve, reject);
    });
  } finally {
    stopWaiting();
    options.signal?.removeEventListener('abort', relay);
  }
}
