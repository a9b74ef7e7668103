import { asNsError, type Duration, milliseconds, seconds } from '../../../base/index.ts';
import type { Clock, LogSink, PowerAction } from '../../../ports/index.ts';
import { COUNT_MS, type WatchdogAction } from '../../commands/watchdog-timer.ts';
import type { BmcChassis } from '../machine.ts';
import { ownEvent } from '../sel-events.ts';
import type { SelStore } from '../sel-store.ts';
import type { Restarts } from './restarts.ts';

/** As Set Watchdog Timer gives them (IPMI 2.0, 27.6), each byte as it came but for the bits that are no setting. */
export interface WatchdogSetting {
  readonly use: number;
  readonly logs: boolean;
  readonly action: WatchdogAction;
  readonly preTimeoutInterrupt: 'none' | 'nmi' | 'messaging';
  readonly preTimeout: Duration;
  /** In counts of 100 ms. */
  readonly initial: number;
}

export interface WatchdogParts {
  readonly chassis: BmcChassis;
  readonly sel: SelStore;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly restarts: Restarts;
  readonly life: AbortSignal;
  /** The host is to be told that its time is nearly up, by its own interface. */
  readonly preTimeoutMessage: () => void;
}

type Countdown = { readonly end: Duration; readonly stop: AbortController };

/** Offsets of Watchdog 2 (IPMI 2.0, table 42-3), by action; and that of the pre-timeout interrupt. */
const EXPIRED: Readonly<Record<WatchdogAction, number>> = {
  none: 0,
  'hard-reset': 1,
  'power-down': 2,
  'power-cycle': 3,
};
const TIMER_INTERRUPT = 8;
const INTERRUPT_KIND = { none: 0, nmi: 2, messaging: 3 } as const;
const ORDERS: Readonly<Record<WatchdogAction, PowerAction | undefined>> = {
  none: undefined,
  'hard-reset': 'reset',
  'power-down': 'off',
  'power-cycle': 'cycle',
};
const ACT_WITHIN = seconds(30);

/**
 * The watchdog: a countdown that the host must reset, or else what it asked for is done to it. That is the host's own wish
 * and obeys the rules of one; it is done only where the host is certainly on, so that it never switches one on.
 */
export class Watchdog {
  readonly #parts: WatchdogParts;
  #setting: WatchdogSetting | undefined;
  #countdown: Countdown | undefined;
  #expired = 0;

  constructor(parts: WatchdogParts) {
    this.#parts = parts;
    parts.life.addEventListener('abort', () => this.stop(), { once: true });
  }

  get setting(): WatchdogSetting | undefined {
    return this.#setting;
  }

  get running(): boolean {
    return this.#countdown !== undefined;
  }

  /** One bit a use, at its number. */
  get expired(): number {
    return this.#expired;
  }

  /** In counts; the initial value where the timer stands still. */
  get left(): number {
    if (this.#countdown === undefined) return this.#setting?.initial ?? 0;
    const left = this.#countdown.end - this.#parts.clock.monotonic();
    return Math.max(0, Math.ceil(left / COUNT_MS));
  }

  /** Stops the timer, unless it is to run on: then it counts from its new value. */
  set(setting: WatchdogSetting, keepRunning: boolean, clear: number): void {
    const goesOn = keepRunning && this.running;
    this.stop();
    this.#setting = setting;
    this.#expired &= ~clear;
    if (goesOn) this.reset();
  }

  /** Starts the countdown, or starts it anew. False where there is nothing to count: it was never set. */
  reset(): boolean {
    const setting = this.#setting;
    if (setting === undefined) return false;
    this.stop();
    const stop = new AbortController();
    const length = milliseconds(setting.initial * COUNT_MS);
    const end = milliseconds(this.#parts.clock.monotonic() + length);
    this.#countdown = { end, stop };
    this.#count(setting, length, end, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) {
        this.#parts.log.log('error', 'watchdog.failed', { error: asNsError(error).message });
      }
    });
    return true;
  }

  stop(): void {
    this.#countdown?.stop.abort();
    this.#countdown = undefined;
  }

  async #count(
    setting: WatchdogSetting,
    length: Duration,
    end: Duration,
    stopped: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#parts;
    const early = setting.preTimeoutInterrupt === 'none' ? 0 : Math.min(setting.preTimeout, length);
    if (early > 0) {
      await clock.sleep(milliseconds(length - early), stopped);
      await this.#preTimeout(setting, stopped);
      await clock.sleep(milliseconds(Math.max(0, end - clock.monotonic())), stopped);
    } else {
      await clock.sleep(length, stopped);
    }
    stopped.throwIfAborted();
    this.#countdown = undefined;
    await this.#expire(setting);
  }

  async #preTimeout(setting: WatchdogSetting, stopped: AbortSignal): Promise<void> {
    if (!(await this.#isHostOn(stopped))) return;
    this.#note(setting, TIMER_INTERRUPT);
    if (setting.preTimeoutInterrupt === 'nmi') await this.#order('nmi');
    else this.#parts.preTimeoutMessage();
  }

  async #expire(setting: WatchdogSetting): Promise<void> {
    const { life, restarts } = this.#parts;
    const order = ORDERS[setting.action];
    const isOn = await this.#isHostOn(life);
    this.#expired |= 1 << setting.use;
    this.#note(setting, isOn ? EXPIRED[setting.action] : EXPIRED.none);
    if (order === undefined || !isOn) return;
    const takeBack = order === 'off' ? () => {} : restarts.ordered({ cause: 'watchdog', channel: 0 });
    if (!(await this.#order(order))) takeBack();
  }

  async #isHostOn(signal: AbortSignal): Promise<boolean> {
    const { certain, state } = await this.#parts.chassis.power(signal);
    return certain && state === 'S0';
  }

  /** False where it was refused, or failed: both are in the log. */
  async #order(action: PowerAction): Promise<boolean> {
    const { chassis, clock, log } = this.#parts;
    const deadline = clock.deadline(ACT_WITHIN, 'the order of the watchdog');
    try {
      const verdict = await chassis.control(action, { is: 'host' }, deadline.signal);
      if (!verdict.ok) log.log('warn', 'watchdog.refused', { action, refused: verdict.refusal.code });
      return verdict.ok;
    } catch (error) {
      log.log('error', 'watchdog.failed', { action, error: asNsError(error, 'NS_POWER').message });
      return false;
    } finally {
      deadline.release();
    }
  }

  #note(setting: WatchdogSetting, offset: number): void {
    if (!setting.logs) return;
    const data = (INTERRUPT_KIND[setting.preTimeoutInterrupt] << 4) | setting.use;
    this.#parts.sel.add(ownEvent('watchdog', offset, { data: [data] }));
  }
}
