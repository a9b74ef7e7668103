import { hours, milliseconds, minutes, seconds } from '../../base/index.ts';
import type { Clock, HostPower, PowerReading, Stop } from '../../ports/index.ts';
import { type Next, NOTHING_WAITS, next, powerSeen, timePassed, type Waiting } from './waiting-machine.ts';

export interface WaitingParts {
  readonly clock: Clock;
  readonly power: HostPower;
}

type Due = Extract<Next, { readonly key: string }>;

const TICK = minutes(1);
/** So much running time is lost at most when the power goes: an order waits longer then, never shorter. */
const STORED_EVERY = hours(1);
const POWER_READ = seconds(2);

/**
 * Tells when a staged order is due: by the host's power, as it is told and as it is read once a minute, and by running time.
 * The host's disk is not looked at for that.
 */
export class WaitingClock {
  readonly #o: WaitingParts;
  readonly #onDue: (due: Due) => void;
  readonly #onCount: () => Promise<unknown>;
  readonly #stops: Stop[] = [];
  #state: Waiting = NOTHING_WAITS;
  #counted: number;
  #ran = 0;
  #unstored = 0;
  #stopAlarm: Stop | undefined;
  #looking = false;

  /** `onCount` is called when the running time should be stored. */
  constructor(parts: WaitingParts, onDue: (due: Due) => void, onCount: () => Promise<unknown>) {
    this.#o = parts;
    this.#onDue = onDue;
    this.#onCount = onCount;
    this.#counted = parts.clock.monotonic();
  }

  get state(): Waiting {
    return this.#state;
  }

  get now(): number {
    return this.#o.clock.monotonic();
  }

  update(by: (state: Waiting) => Waiting): void {
    this.#state = by(this.#state);
  }

  async start(): Promise<void> {
    const { power, clock } = this.#o;
    this.#stops.push(
      power.onChange((reading) => {
        this.#see(reading);
        this.look();
      }),
      clock.every(TICK, () => void this.#tick()),
    );
    await this.#tick();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#stopAlarm?.();
    this.#stopAlarm = undefined;
    this.count();
  }

  /** Something began to wait: a host that has been off for long tells nobody. */
  async refresh(): Promise<void> {
    if (this.#state.downSince === undefined) await this.#readPower();
    this.look();
  }

  /** Hands out what is due, until nothing is. */
  look(): void {
    if (this.#looking || this.#stops.length === 0) return;
    this.#looking = true;
    this.#stopAlarm?.();
    this.#stopAlarm = undefined;
    this.count();
    for (;;) {
      const due = next(this.#state, this.now);
      if (due.do === 'rest') {
        if (due.until !== undefined) this.#wakeAt(due.until);
        break;
      }
      const before = this.#state;
      this.#onDue(due);
      if (this.#state === before) break;
    }
    this.#looking = false;
  }

  /** Adds the running time since it was last counted. */
  count(): void {
    const passed = this.now - this.#counted;
    this.#counted = this.now;
    this.#ran += passed;
    this.#unstored += passed;
    this.#state = timePassed(this.#state, passed);
  }

  #wakeAt(until: number): void {
    const pause = milliseconds(Math.max(1, Math.ceil(until - this.now)));
    this.#stopAlarm = this.#o.clock.after(pause, () => this.look());
  }

  #see(reading: PowerReading): void {
    const down = reading.certain && (reading.state === 'S5' || reading.state === 'G3');
    this.#state = powerSeen(this.#state, down, this.now);
  }

  async #tick(): Promise<void> {
    if (this.#state.orders.length === 0) return;
    await this.#readPower();
    this.look();
    const due = Math.min(STORED_EVERY, Math.max(TICK, this.#ran / 2));
    if (this.#unstored < due) return;
    this.#unstored = 0;
    await this.#onCount();
  }

  async #readPower(): Promise<void> {
    const { power, clock } = this.#o;
    const deadline = clock.deadline(POWER_READ, 'reading the power state');
    try {
      this.#see(await power.read(deadline.signal));
    } catch {
      this.#state = powerSeen(this.#state, false, this.now);
    } finally {
      deadline.release();
    }
  }
}
