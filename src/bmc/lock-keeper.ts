import { type Duration, milliseconds, seconds } from '../base/index.ts';
import type { Clock, LogSink } from '../ports/index.ts';
import type { LevelReport, LockLevel } from './lock-levels.ts';
import type { Lockout } from './lockout.ts';

export interface LockKeeperOptions {
  readonly lockout: Pick<Lockout, 'free' | 'enabled' | 'status' | 'hold'>;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Told of each level that held and did not any more, or that could not be held before and is held now. */
  readonly onSlipped?: (level: LockLevel) => void;
}

const LOOK_EVERY = seconds(5);
/** What cannot be held is tried ever less often. */
const LONGEST_PAUSE = seconds(60);

/**
 * Looks, while a machine is disabled, whether every level still holds, and holds again what has slipped: a drive that was
 * swapped behind a switch that fell back, a mask that somebody took away, a BMC that did not answer before. An enabled machine that the board did not let go of is released again.
 */
export class LockKeeper {
  readonly #options: LockKeeperOptions;
  readonly #over = new AbortController();
  #held: ReadonlySet<LockLevel> = new Set();
  #running: Promise<void> | undefined;

  constructor(options: LockKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#over.abort(new Error('the agent is stopping'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, lockout } = this.#options;
    const { signal } = this.#over;
    let pause: Duration = LOOK_EVERY;
    while (!signal.aborted) {
      await clock.sleep(pause, signal).catch(() => undefined);
      if (signal.aborted) return;
      if (lockout.enabled) this.#held = new Set();
      const whole = lockout.free || (await this.#look());
      pause = whole ? LOOK_EVERY : milliseconds(Math.min(pause * 2, LONGEST_PAUSE));
    }
  }

  /** True where the board follows the record as far as it can. */
  async #look(): Promise<boolean> {
    const { lockout } = this.#options;
    try {
      if (lockout.enabled) {
        await lockout.hold();
        return lockout.free;
      }
      const { levels } = await lockout.status();
      const now = holding(levels);
      const lost = [...this.#held].filter((level) => !now.has(level));
      this.#held = now;
      if (levels.every(isWhole)) return true;
      const again = await lockout.hold();
      this.#held = holding(again.levels);
      this.#tell(new Set([...lost, ...[...this.#held].filter((level) => !now.has(level))]));
      return again.levels.every(isWhole);
    } catch {
      // Own storage that fails is for whoever needs it next.
      return false;
    }
  }

  #tell(slipped: ReadonlySet<LockLevel>): void {
    const { log, onSlipped } = this.#options;
    for (const level of slipped) {
      log.log('warn', 'lock.slipped', { level, heldAgain: this.#held.has(level) });
      onSlipped?.(level);
    }
  }
}

const isWhole = ({ inForce }: LevelReport): boolean => inForce === 'yes' || inForce === 'cannot';

const holding = (levels: readonly LevelReport[]): ReadonlySet<LockLevel> =>
  new Set(levels.filter(({ inForce }) => inForce === 'yes').map(({ level }) => level));
