import { sentenceOf } from '../../base/index.ts';
import type { SectorRange } from '../target.ts';
import { millis, type Nanoseconds } from '../time.ts';
import type { ArrayCore } from './array-core.ts';
import { copyPiece, equalizeAround, mirroredParts, partOf } from './copy-pieces.ts';
import { type CopyProgress, shouldClose } from './copy-progress.ts';
import { flushAll } from './mirror-flush.ts';
import { nextPace, type PaceInputs, type PaceLimits } from './rebuild-pace.ts';
import { beginRebuild, swapRegisters } from './table-changes.ts';

export interface CopyWorkOptions {
  readonly pace: () => PaceLimits;
  /** What sensors say now. */
  readonly sensors: () => Pick<PaceInputs, 'temperature' | 'power'>;
  /** The cursor is stored once this many sectors and this much time lie between: both, to spare flash. */
  readonly cursorSectors: number;
  readonly cursorTime: Nanoseconds;
  /** After a stall, when nothing else happens. */
  readonly retry: Nanoseconds;
}

/** A region that is gone through piece by piece. */
interface Sweep {
  readonly kind: 'resync' | 'recopy';
  readonly region: number;
  readonly parts: SectorRange[];
}

/**
 * The background of an array, one piece at a time and paced: repairs first, then regions that an unclean stop left
 * unequal, then the copy under way up to its swap, then the next rebuild that a spare is there for.
 */
export class CopyWork {
  readonly #core: ArrayCore;
  readonly #options: CopyWorkOptions;
  #sweep: Sweep | undefined;
  #stopped = false;
  #resyncTold = false;
  #wake: (() => void) | undefined;
  #kicked = false;
  /** Said once, however often it is tried again. */
  #stalledBy: string | undefined;
  #last: PaceInputs['last'];
  #storedAt: Nanoseconds;
  #bytesPerSecond: number | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(core: ArrayCore, options: CopyWorkOptions) {
    this.#core = core;
    this.#options = options;
    this.#storedAt = core.scheduler.now();
    core.kick = () => {
      this.#kicked = true;
      this.#wake?.();
    };
  }

  /** Bytes a second lately, pauses included; undefined before the second piece. */
  get rate(): number | undefined {
    return this.#bytesPerSecond;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Ends after the piece under way, with the cursor stored where that is possible. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#kicked = false;
      let idle: boolean;
      try {
        idle = !(await this.#step());
        this.#stalledBy = undefined;
      } catch (error) {
        this.#dropSweep();
        const why = sentenceOf(error);
        if (why !== this.#stalledBy) this.#core.say({ kind: 'copy-stalled', why });
        this.#stalledBy = why;
        await this.#sleep(this.#options.retry);
        continue;
      }
      if (idle && !this.#kicked) await this.#sleep(undefined);
    }
  }

  /** One piece, or one step without one. False where there is nothing to do. */
  async #step(): Promise<boolean> {
    const core = this.#core;
    const repair = core.repairs.shift();
    if (repair !== undefined) {
      await equalizeAround(core, repair);
      core.say({ kind: 'sectors-repaired', range: repair });
      return true;
    }
    if (this.#sweep !== undefined) return this.#sweepOn(this.#sweep);
    const [unequal] = core.unequal;
    if (unequal !== undefined) return this.#beginResync(unequal);
    if (this.#resyncTold) {
      this.#resyncTold = false;
      core.say({ kind: 'resync-done' });
    }
    if (core.progress !== undefined) return this.#copyOn(core.progress);
    const begun = await core.change(beginRebuild);
    const order = core.table.copy;
    if (begun && order !== null) {
      core.say({ kind: 'copy-begun', source: order.source, target: order.target, rebuild: true });
    }
    return begun;
  }

  #beginResync(region: number): boolean {
    const core = this.#core;
    if (!this.#resyncTold) {
      this.#resyncTold = true;
      core.say({ kind: 'resync-begun', regions: core.unequal.size });
    }
    // Out of the set first: what differs anew while it is swept must be swept again.
    core.unequal.delete(region);
    core.resyncing = region;
    this.#sweep = { kind: 'resync', region, parts: mirroredParts(core, region) };
    return true;
  }

  async #copyOn(progress: CopyProgress): Promise<boolean> {
    const core = this.#core;
    const { order } = progress;
    const end = order.logicalBase + order.length;
    if (progress.cursor < end) {
      await this.#paced(async (piece) => {
        const count = Math.min(piece, end - progress.cursor);
        await copyPiece(core, progress, { lba: progress.cursor, count });
        return count;
      });
      await this.#storeCursor(progress, false);
      return true;
    }
    if (
      progress.mode === 'track' &&
      shouldClose(progress, Math.ceil(order.length / core.intent.regionSectors))
    ) {
      progress.mode = 'both';
    }
    const [region] = progress.changed;
    if (region !== undefined) {
      progress.changed.delete(region);
      progress.recopying = region;
      this.#sweep = { kind: 'recopy', region, parts: partOf(core, region, order) };
      return true;
    }
    await this.#swap(progress);
    return true;
  }

  /** R3. The target must hold durably all that the source does, and the source what the target was given of it. */
  async #swap(progress: CopyProgress): Promise<void> {
    const core = this.#core;
    const { order } = progress;
    await flushAll(core, undefined);
    if (core.progress !== progress || progress.changed.size > 0 || progress.mode !== 'both') return;
    const swapped = await core.change((table) => swapRegisters(table, order.id));
    if (swapped) core.say({ kind: 'swapped', joined: order.target, left: progress.order.replaces });
  }

  async #sweepOn(sweep: Sweep): Promise<boolean> {
    const core = this.#core;
    const { progress } = core;
    const [part] = sweep.parts;
    const over = sweep.kind === 'recopy' && progress?.recopying !== sweep.region;
    if (part === undefined || over) {
      this.#endSweep(sweep);
      return true;
    }
    const touched = [sweep.region];
    await this.#paced(async (piece) => {
      const range = { lba: part.lba, count: Math.min(piece, part.count) };
      await core.intent.begin(touched);
      try {
        if (sweep.kind === 'resync') await equalizeAround(core, range);
        else if (progress !== undefined) await copyPiece(core, progress, range);
      } finally {
        core.intent.end(touched);
        core.wrote();
      }
      if (range.count === part.count) sweep.parts.shift();
      else sweep.parts[0] = { lba: part.lba + range.count, count: part.count - range.count };
      return range.count;
    });
    return true;
  }

  #endSweep(sweep: Sweep): void {
    const { progress } = this.#core;
    this.#sweep = undefined;
    if (sweep.kind === 'resync') this.#core.resyncing = undefined;
    else if (progress?.recopying === sweep.region) {
      progress.recopying = undefined;
      progress.recopied += 1;
    }
  }

  /** After a fault in the middle of a region: all of it is to be done again. */
  #dropSweep(): void {
    const sweep = this.#sweep;
    if (sweep === undefined) return;
    if (sweep.kind === 'resync') this.#core.unequal.add(sweep.region);
    else if (this.#core.progress?.recopying === sweep.region) this.#core.progress.changed.add(sweep.region);
    this.#endSweep(sweep);
  }

  async #storeCursor(progress: CopyProgress, now: boolean): Promise<void> {
    const core = this.#core;
    const { cursor } = progress;
    const { cursorSectors, cursorTime } = this.#options;
    const due =
      cursor - progress.durableCursor >= cursorSectors && core.scheduler.now() - this.#storedAt >= cursorTime;
    if (cursor === progress.durableCursor || !(due || now)) return;
    // Source and target alike: a write that only the source had when the piece was read must outlive what was copied.
    await flushAll(core, undefined);
    if (core.progress !== progress) return;
    await core.store.saveCursor(progress.order.id, cursor - progress.order.logicalBase);
    progress.durableCursor = cursor;
    this.#storedAt = core.scheduler.now();
  }

  /** For a clean stop, after `stop`. */
  async storeCursorNow(): Promise<void> {
    if (this.#core.progress !== undefined) await this.#storeCursor(this.#core.progress, true);
  }

  async #paced(work: (sectors: number) => Promise<number>): Promise<void> {
    const core = this.#core;
    const begun = core.scheduler.now();
    const pace = nextPace(
      {
        hostInFlight: core.load.inFlight,
        hostLatency: core.load.latency,
        ...this.#options.sensors(),
        ...(this.#last === undefined ? {} : { last: this.#last }),
      },
      this.#options.pace(),
    );
    // Also without a pause: everything else gets its turn between two pieces.
    await this.#sleep(pace.pause, true);
    if (this.#stopped) return;
    const started = core.scheduler.now();
    const bytes = (await work(Math.max(1, Math.floor(pace.piece / core.sectorSize)))) * core.sectorSize;
    const ended = core.scheduler.now();
    this.#last = { bytes, took: (ended - started) as Nanoseconds };
    const rate = (bytes * 1e9) / Math.max(1, ended - begun);
    this.#bytesPerSecond =
      this.#bytesPerSecond === undefined ? rate : this.#bytesPerSecond * 0.9 + rate * 0.1;
  }

  /** Until the time is over, `stop`, or (but for a pause) a kick; without a time, until one of the latter. */
  async #sleep(time: Nanoseconds | undefined, throughKicks = false): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const cancel = time === undefined ? () => {} : this.#core.scheduler.after(time, () => resolve());
      this.#wake = () => {
        if (throughKicks && !this.#stopped) return;
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

export const DEFAULT_COPY_WORK: CopyWorkOptions = {
  pace: () => ({}),
  sensors: () => ({}),
  cursorSectors: 131_072,
  cursorTime: millis(10_000),
  retry: millis(5000),
};
