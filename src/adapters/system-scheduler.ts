import type { Nanoseconds, Scheduler } from '../sata-chain/index.ts';
import { type Due, putDue, takeDue } from './due-heap.ts';

interface Waiting extends Due {
  fire: (() => void) | undefined;
}

const NS_PER_MS = 1_000_000;
/** The operating system's timers are no finer: what is due within this much fires together, in its order. In nanoseconds. */
const GRAIN = NS_PER_MS / 2;
/** setTimeout fires at once for anything longer. In milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * The phy models' time on the operating system's timers: strictly in the order of the times asked for, right to about a
 * millisecond. Its clock never shows less than the time of what it fires.
 */
export function systemScheduler(): Scheduler {
  const begin = performance.now();
  const heap: Waiting[] = [];
  let order = 0;
  let reached = 0;
  let cancelWake: (() => void) | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;

  const now = (): number => {
    reached = Math.max(reached, Math.round((performance.now() - begin) * NS_PER_MS));
    return reached;
  };
  const run = (): void => {
    cancelWake = undefined;
    wakeAt = Number.POSITIVE_INFINITY;
    const until = now() + GRAIN;
    // What is asked for from now on waits for another turn.
    const last = order;
    const later: Waiting[] = [];
    for (let next = heap[0]; next !== undefined && next.at <= until; next = heap[0]) {
      takeDue(heap);
      if (next.order >= last) later.push(next);
      else {
        reached = Math.max(reached, next.at);
        next.fire?.();
      }
    }
    for (const waiting of later) putDue(heap, waiting);
    arm();
  };
  const arm = (): void => {
    while (heap[0] !== undefined && heap[0].fire === undefined) takeDue(heap);
    const next = heap[0]?.at ?? Number.POSITIVE_INFINITY;
    if (cancelWake !== undefined && next >= wakeAt && next !== Number.POSITIVE_INFINITY) return;
    cancelWake?.();
    cancelWake = undefined;
    wakeAt = next;
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = next - now();
    if (wait < GRAIN) {
      const turn = setImmediate(run);
      cancelWake = () => clearImmediate(turn);
    } else {
      const timer = setTimeout(run, Math.min(LONGEST, Math.ceil(wait / NS_PER_MS)));
      cancelWake = () => clearTimeout(timer);
    }
  };
  return {
    now: () => now() as Nanoseconds,
    after(delay, fire) {
      const waiting: Waiting = { at: now() + Math.max(0, delay), order: order++, fire };
      putDue(heap, waiting);
      if (waiting.at < wakeAt) arm();
      return () => {
        waiting.fire = undefined;
        if (heap[0] === waiting) arm();
      };
    },
  };
}
