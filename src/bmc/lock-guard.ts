import { asNsError, milliseconds, orAborted, seconds } from '../base/index.ts';
import type { Clock, HostControl, HostPower, LogSink, PowerReading, Stop } from '../ports/index.ts';
import type { Lockout } from './lockout.ts';

export interface LockGuardOptions {
  readonly power: HostPower;
  readonly control: HostControl;
  readonly lockout: Pick<Lockout, 'enabled'>;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Told once for each wake that was taken back. */
  readonly onReverted?: (reading: PowerReading) => void;
}

/** A host that comes up again and again is switched off again and again, ever less hastily. */
const FIRST_PAUSE = milliseconds(250);
const LONGEST_PAUSE = seconds(10);
const ONE_LOOK = seconds(2);
/** Longer than any board takes. One that is under way is not given again: a button pressed once too often switches on. */
const ONE_ORDER = seconds(10);

/**
 * Keeps a disabled machine off where the mask alone does not: a host that is on, or that came on by a way which the board
 * cannot mask, is switched off at once, and again until it is down. Disabling a machine that is on switches it off too:
 * call `look` then.
 */
export class LockGuard {
  readonly #options: LockGuardOptions;
  readonly #over = new AbortController();
  #stop: Stop | undefined;
  #reverting: Promise<void> | undefined;

  constructor(options: LockGuardOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stop = this.#options.power.onChange(() => this.look());
    this.look();
  }

  stop(): void {
    this.#stop?.();
    this.#over.abort(new Error('the agent is stopping'));
  }

  /** Looks whether a disabled host runs, and switches it off. */
  look(): void {
    this.#reverting ??= this.#revert().finally(() => {
      this.#reverting = undefined;
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#reverting) await this.#reverting;
  }

  async #revert(): Promise<void> {
    const { control, lockout, clock, log, onReverted } = this.#options;
    let pause: number = FIRST_PAUSE;
    let told = false;
    while (!lockout.enabled && !this.#over.signal.aborted) {
      const reading = await this.#read();
      if (reading !== undefined && isDown(reading)) return;
      if (lockout.enabled || this.#over.signal.aborted) return;
      const deadline = clock.deadline(ONE_ORDER, 'switching the disabled host off');
      try {
        if (reading?.state === 'S0' || reading?.state === 'S3') {
          await orAborted(control.drive('off', deadline.signal), deadline.signal);
          if (!told) log.log('warn', 'lock.wake-reverted', { state: reading.state });
          if (!told) onReverted?.(reading);
          told = true;
        }
      } catch (error) {
        log.log('error', 'lock.cannot-switch-off', { error: asNsError(error, 'NS_POWER').message });
      } finally {
        deadline.release();
      }
      const after = await this.#read();
      if (after !== undefined && isDown(after)) return;
      await clock.sleep(milliseconds(pause), this.#over.signal).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  async #read(): Promise<PowerReading | undefined> {
    const { clock, power } = this.#options;
    const deadline = clock.deadline(ONE_LOOK, "reading the disabled host's power");
    try {
      return await orAborted(power.read(deadline.signal), deadline.signal);
    } catch {
      return undefined;
    } finally {
      deadline.release();
    }
  }
}

const isDown = ({ certain, state }: PowerReading): boolean =>
  certain && (state === 'S4' || state === 'S5' || state === 'G3');
