import { AtaFault } from '../target.ts';
import { millis, type Nanoseconds, type Scheduler } from '../time.ts';

/** How a command to several units ended: those that did it, and what the others said. */
export interface Outcome {
  readonly good: ReadonlySet<string>;
  readonly bad: ReadonlyMap<string, unknown>;
}

/** How long the last unit may take after all others have failed: longer than a host waits for a single drive. */
const LAST_ONE_LEFT = millis(60_000);

/**
 * Sends one command to several units at once and waits for all; once one of them has done it, or the host gave it up,
 * only so much longer, after which the rest are cut off and count as not answering. While none has ended, the host's
 * own patience is the limit, as with a single drive.
 */
export async function settleCopies(
  units: readonly string[],
  send: (unit: string, signal: AbortSignal | undefined) => Promise<void>,
  options: {
    readonly scheduler: Scheduler;
    readonly lag: Nanoseconds;
    readonly signal: AbortSignal | undefined;
    /** Another unit has it already: the lag counts from the start. */
    readonly hurry?: boolean;
  },
): Promise<Outcome> {
  const good = new Set<string>();
  const bad = new Map<string, unknown>();
  const hurry = options.hurry === true;
  const [only] = units;
  if (units.length === 1 && only !== undefined && !hurry) {
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
  let stopWaiting = () => {};
  await new Promise<void>((resolve) => {
    const pending = new Set(units);
    let limit = Number.POSITIVE_INFINITY;
    const giveUp = () => {
      for (const late of pending) bad.set(late, new AtaFault('LINK', 'no answer in time'));
      pending.clear();
      cut.abort();
      resolve();
    };
    const atMost = (time: Nanoseconds) => {
      if (time >= limit) return;
      limit = time;
      stopWaiting();
      stopWaiting = options.scheduler.after(time, giveUp);
    };
    const look = () => {
      if (pending.size === 0) resolve();
      else if (good.size > 0 || hurry || cut.signal.aborted) atMost(options.lag);
      else if (bad.size > 0) atMost(LAST_ONE_LEFT);
    };
    const ended = (unit: string, note: () => void) => {
      if (!pending.delete(unit)) return;
      note();
      look();
    };
    for (const unit of units) {
      send(unit, cut.signal).then(
        () => ended(unit, () => good.add(unit)),
        (error: unknown) => ended(unit, () => bad.set(unit, error)),
      );
    }
    cut.signal.addEventListener('abort', look, { once: true });
    look();
  });
  stopWaiting();
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
