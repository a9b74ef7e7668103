import { type Duration, milliseconds, NsError } from '../../base/index.ts';
import type {
  Clock,
  HostControl,
  HostPower,
  PowerAction,
  PowerReading,
  PowerState,
  Stop,
} from '../../ports/index.ts';

export interface SimHostOptions {
  readonly clock: Clock;
  readonly state: PowerState;
  /** True for a board that keeps the host down until the disk is back. */
  readonly interlock?: boolean;
  /** From being let wake to running; 500 ms by default. */
  readonly bootDelay?: Duration;
}

/** A change of the simulated host, and what brought it about. */
export interface SimHostEvent {
  readonly at: Duration;
  readonly from: PowerState;
  readonly to: PowerState;
  readonly cause: string;
}

const HISTORY = 256;

/** The simulated host: its power state, its button, and the wires by which a controller watches and guards them. */
export class SimHost implements HostPower, HostControl {
  readonly actions = ['on', 'off', 'soft', 'reset', 'nmi'] as const;
  readonly capabilities: HostPower['capabilities'];
  readonly #clock: Clock;
  readonly #bootDelay: Duration;
  readonly #history: SimHostEvent[] = [];
  readonly #onChange = new Set<(reading: PowerReading) => void>();
  readonly #onWake = new Set<(reason: string) => void>();
  #state: PowerState;
  #masked = false;
  /** Somebody wants the host on, and the interlock keeps it down. */
  #waiting: string | undefined;
  #booting: AbortController | undefined;

  constructor(options: SimHostOptions) {
    this.#clock = options.clock;
    this.#state = options.state;
    this.#bootDelay = options.bootDelay ?? milliseconds(500);
    this.capabilities = { buttonMask: true, wakeInterlock: options.interlock ?? true };
  }

  get state(): PowerState {
    return this.#state;
  }

  /** The latest changes, oldest first. */
  get history(): readonly SimHostEvent[] {
    return [...this.#history];
  }

  async read(signal?: AbortSignal): Promise<PowerReading> {
    signal?.throwIfAborted();
    return readingOf(this.#state);
  }

  onChange(listener: (reading: PowerReading) => void): Stop {
    this.#onChange.add(listener);
    return () => this.#onChange.delete(listener);
  }

  onWakeRequest(listener: (reason: string) => void): Stop {
    this.#onWake.add(listener);
    return () => this.#onWake.delete(listener);
  }

  async allowWake(): Promise<void> {
    const reason = this.#waiting;
    this.#waiting = undefined;
    if (reason !== undefined && !this.#masked) this.#boot(reason);
  }

  async maskPowerOn(masked: boolean): Promise<void> {
    this.#masked = masked;
    if (!masked) return;
    this.#waiting = undefined;
    this.#booting?.abort();
  }

  async powerOnMasked(signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#masked;
  }

  async drive(action: Exclude<PowerAction, 'cycle'>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#state === 'G3') throw new NsError('NS_POWER', 'the host has no mains');
    switch (action) {
      case 'on':
        if (this.#masked) throw new NsError('NS_POWER', 'the power button is masked');
        if (this.#state !== 'S0') this.#boot('ordered on');
        return;
      case 'off':
        return this.set('S5', 'ordered off');
      case 'soft':
        if (this.#state === 'S0') this.set('S5', 'ordered to shut down');
        return;
      case 'reset':
      case 'nmi':
        if (this.#state === 'S0') this.#note('S0', `ordered ${action}`);
    }
  }

  /** Puts the host into a state as a fact: nobody was asked, and no interlock helped. */
  set(state: PowerState, cause = 'set'): void {
    this.#booting?.abort();
    this.#booting = undefined;
    this.#waiting = undefined;
    if (state === this.#state) return;
    this.#note(state, cause);
    this.#state = state;
    for (const listener of [...this.#onChange]) listener(readingOf(state));
  }

  /** Presses the power button: a host that is on shuts down; one that is down asks to wake. */
  press(): 'ignored' | 'shutting-down' | 'asked' {
    if (this.#state !== 'S0') return this.wake('power button') ? 'asked' : 'ignored';
    this.set('S5', 'power button');
    return 'shutting-down';
  }

  /** Asks to wake, as a button, a network packet or a timer does. False where nothing comes of it. */
  wake(reason: string): boolean {
    if (this.#state === 'S0' || this.#state === 'G3' || this.#masked) {
      // The wire is heard all the same: somebody tried.
      if (this.#masked && this.#state !== 'S0') this.#tellWake(reason);
      return false;
    }
    if (this.capabilities.wakeInterlock) this.#waiting = reason;
    else this.#boot(reason);
    this.#tellWake(reason);
    return true;
  }

  #note(to: PowerState, cause: string): void {
    const event = { at: this.#clock.monotonic(), from: this.#state, to, cause };
    if (this.#history.push(event) > HISTORY) this.#history.shift();
  }

  #tellWake(reason: string): void {
    for (const listener of [...this.#onWake]) listener(reason);
  }

  #boot(reason: string): void {
    this.#booting?.abort();
    const booting = new AbortController();
    this.#booting = booting;
    void this.#clock.sleep(this.#bootDelay, booting.signal).then(
      () => this.set('S0', reason),
      () => {},
    );
  }
}

const WIRES: Readonly<Record<PowerState, Readonly<Record<string, string>>>> = {
  S0: { 'ps-pwrok': 'high', 'sio-s3': 'released', 'sio-s5': 'released', 'standby-power': 'high' },
  S3: { 'ps-pwrok': 'low', 'sio-s3': 'asserted', 'sio-s5': 'released', 'standby-power': 'high' },
  S4: {
    'ps-pwrok': 'low',
    'sio-s3': 'asserted',
    'sio-s5': 'asserted',
    'standby-power': 'high',
    announced: 'S4',
  },
  S5: {
    'ps-pwrok': 'low',
    'sio-s3': 'asserted',
    'sio-s5': 'asserted',
    'standby-power': 'high',
    announced: 'S5',
  },
  G3: { 'ps-pwrok': 'low', 'standby-power': 'low' },
  unknown: { 'ps-pwrok': 'high', 'sio-s5': 'asserted', 'standby-power': 'high' },
};

function readingOf(state: PowerState): PowerReading {
  const certain = state !== 'unknown';
  return { state, sources: WIRES[state], certain, fusion: certain ? 'agreed' : 'contradiction' };
}
