import { allow, asNsError, type Duration, NsError, refuse, seconds, type Verdict } from '../base/index.ts';
import type { Clock, HostControl, HostPower, LogSink, PowerAction, PowerReading } from '../ports/index.ts';
import type { Lockout } from './lockout.ts';
import type { WakeInterlock } from './wake-interlock.ts';

export interface ChassisOrdersOptions {
  readonly control: HostControl;
  readonly power: HostPower;
  readonly lockout: Pick<Lockout, 'enabled'>;
  readonly interlock: Pick<WakeInterlock, 'switchOn'>;
  readonly clock: Clock;
  readonly log: LogSink;
}

/** How long a host that is switched off for a power cycle may take to show it. */
const DOWN_WITHIN = seconds(30);
const LOOK_EVERY = seconds(0.25);
/** Supplies need to discharge before they are switched on again. */
const STAY_DOWN = seconds(1);

/** What a host that is not on can be told all the same. */
const WITHOUT_THE_HOST: readonly PowerAction[] = ['on', 'off'];
/** What ends with the host on: never while the machine is disabled. An NMI goes with them: it makes a host do things. */
const WHILE_ENABLED: readonly PowerAction[] = ['on', 'cycle', 'reset', 'nmi'];

/** Power orders of a fleet's other tools, as a BMC gets them: obeyed within the lock, and with the disks home first. */
export class ChassisOrders {
  readonly #options: ChassisOrdersOptions;
  #cycling = false;
  /** The latest order was to switch off: one to switch on that is not through yet gives way to it. */
  #off = false;
  /** Orders to switch off that the host is being given: it is as good as off, and starts nothing any more. */
  #switchingOff = 0;

  constructor(options: ChassisOrdersOptions) {
    this.#options = options;
  }

  /**
   * Refuses DISABLED, NOT_SUPPORTED, HOST_NOT_ON and HOST_STATE_UNKNOWN. Resolves when the order was given to the host, for
   * "cycle" when it was given to switch off; NS_POWER where it could not be given. A "cycle" that is under way already is
   * joined. "off" ends it: whoever heard that the host is off must not see it come on.
   */
  async order(action: PowerAction, by: string, signal: AbortSignal): Promise<Verdict<void>> {
    const { power, log } = this.#options;
    const reading = await power.read(signal);
    const refused = this.#judge(action, reading);
    log.log('info', 'chassis.order', {
      action,
      by,
      state: reading.state,
      ...(refused.ok ? {} : { refused: refused.refusal.code }),
    });
    if (!refused.ok) return refused;
    if (action === 'on' || action === 'cycle' || action === 'off') this.#off = action === 'off';
    if (action === 'on') return reading.state === 'S0' ? allow(undefined) : this.#on(by);
    if (action === 'cycle') return this.#cycle(by, signal);
    if (action === 'off' && isOff(reading)) return allow(undefined);
    const isOffOrder = action === 'off' ? 1 : 0;
    this.#switchingOff += isOffOrder;
    try {
      await this.#options.control.drive(action, signal);
    } finally {
      this.#switchingOff -= isOffOrder;
    }
    return allow(undefined);
  }

  #judge(action: PowerAction, reading: PowerReading): Verdict<void> {
    const { control, lockout } = this.#options;
    if (!lockout.enabled && WHILE_ENABLED.includes(action)) return refuse('DISABLED');
    const needs = action === 'cycle' ? (['off', 'on'] as const) : ([action] as const);
    if (!needs.every((need) => control.actions.includes(need))) return refuse('NOT_SUPPORTED');
    if (WITHOUT_THE_HOST.includes(action)) {
      return action === 'on' && reading.state === 'G3'
        ? refuse('NOT_SUPPORTED', 'The host has no mains.', 'Switch its mains on.')
        : allow(undefined);
    }
    if (this.#switchingOff > 0) return refuse('HOST_NOT_ON');
    if (reading.state === 'unknown') return refuse('HOST_STATE_UNKNOWN');
    return reading.state === 'S0' ? allow(undefined) : refuse('HOST_NOT_ON');
  }

  #on(by: string): Promise<Verdict<void>> {
    const { control, interlock } = this.#options;
    const { signal } = new AbortController();
    return interlock.switchOn(by, async () => {
      if (this.#off) throw new NsError('NS_POWER', 'the host was ordered off while its disks came home');
      await control.drive('on', signal);
    });
  }

  async #cycle(by: string, signal: AbortSignal): Promise<Verdict<void>> {
    if (this.#cycling) return allow(undefined);
    this.#cycling = true;
    try {
      await this.#options.control.drive('off', signal);
    } catch (error) {
      this.#cycling = false;
      throw error;
    }
    void this.#onAgain(by).finally(() => {
      this.#cycling = false;
    });
    return allow(undefined);
  }

  async #onAgain(by: string): Promise<void> {
    const { clock, power, log } = this.#options;
    const { signal } = new AbortController();
    const end = clock.monotonic() + DOWN_WITHIN;
    try {
      while (!isOff(await power.read(signal))) {
        if (clock.monotonic() > end) throw new Error(`the host is not off after ${inSeconds(DOWN_WITHIN)} s`);
        await clock.sleep(LOOK_EVERY, signal);
      }
      await clock.sleep(STAY_DOWN, signal);
      if (this.#off) {
        log.log('info', 'chassis.cycle-ended-off', { by, refused: 'ordered off meanwhile' });
        return;
      }
      const on = await this.#on(`${by}, power cycle`);
      if (!on.ok) log.log('warn', 'chassis.cycle-ended-off', { by, refused: on.refusal.code });
    } catch (error) {
      log.log('error', 'chassis.cycle-failed', { by, error: asNsError(error, 'NS_POWER').message });
    }
  }
}

const isOff = ({ certain, state }: PowerReading): boolean =>
  certain && (state === 'S4' || state === 'S5' || state === 'G3');
const inSeconds = (duration: Duration): number => duration / 1000;
