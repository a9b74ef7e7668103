import { type Duration, milliseconds, seconds } from '../base/index.ts';
import type { Clock, LogSink } from '../ports/index.ts';
import type { LockLevel } from './lock-levels.ts';
import type { Lockout } from './lockout.ts';

export interface LockKeeperOptions {
  readonly lockout: Pick<Lockout, 'free' | 'enabled' | 'slack' | 'hold'>;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Told once of each level that does not hold as far as it could, and whether it does again. */
  readonly onSlipped?: (level: LockLevel, heldAgain: boolean) => void;
}

const LOOK_EVERY = seconds(5);
/** What cannot be held is tried ever less often. */
const LONGEST_PAUSE = seconds(60);

/**
 * Looks, while a machine is disabled, whether every level still holds, and holds again what has slipped: a drive that was
 * swapped behind a switch that fell back, a mask that somebody took away, a BMC that did not answer before. An enabled
 * machine that the board did not let go of is released again.
 */
export class LockKeeper {
  readonly #options: LockKeeperOptions;
  readonly #over = new AbortController();
  /** Told already, and not held again since. */
  #slack: readonly LockLevel[] = [];
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
      if (lockout.enabled) this.#slack = [];
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
      const slack = await lockout.slack();
      const slipped = slack.filter((level) => !this.#slack.includes(level));
      if (slack.length > 0) await lockout.hold();
      this.#slack = slack.length > 0 ? await lockout.slack() : [];
      for (const level of slipped) this.#tell(level);
      return this.#slack.length === 0;
    } catch {
      // Own storage that fails is for whoever needs it next.
      return false;
    }
  }

  #tell(level: LockLevel): void {
    const { log, onSlipped } = this.#options;
    const heldAgain = !this.#slack.includes(level);
    log.log('warn', 'lock.slipped', { level, heldAgain });
    onSlipped?.(level, heldAgain);
  }
}
