import { asNsError, type Duration, milliseconds } from '../base/index.ts';
import type {
  Clock,
  HostPower,
  KnownPowerState,
  LogSink,
  PowerReading,
  PowerSource,
  Stop,
} from '../ports/index.ts';
import { fusePower, type SourceAnswer } from './power-fusion.ts';
import { orAborted } from './within.ts';

/** The hands on a host's power button, apart from the eyes: see HostPower. */
export type PowerGuard = Pick<
  HostPower,
  'capabilities' | 'onWakeRequest' | 'allowWake' | 'maskPowerOn' | 'powerOnMasked'
>;

export interface FusedPowerOptions {
  readonly sources: readonly PowerSource[];
  readonly guard: PowerGuard;
  /** Those that this board can be in at all. */
  readonly states: readonly KnownPowerState[];
  readonly clock: Clock;
  readonly log: LogSink;
  /** The longest to wait for one source: 1.5 s. */
  readonly patience?: Duration;
}

/** Longer than any pin or local BMC takes, and less than custody waits for a reading. */
const PATIENCE = milliseconds(1500);

/** HostPower out of all that the board knows: every reading asks every source, and is what they leave possible together. */
export class FusedPower implements HostPower {
  readonly #options: FusedPowerOptions;
  readonly #listeners = new Set<(reading: PowerReading) => void>();
  readonly #stops: readonly Stop[];
  readonly #over = new AbortController();
  #told: PowerReading | undefined;
  #looking = false;
  /** A source changed while all were being asked: what was heard may be older than the change. */
  #again = false;

  constructor(options: FusedPowerOptions) {
    this.#options = options;
    this.#stops = options.sources.map((source) => source.onChange(() => this.#look()));
  }

  get capabilities(): HostPower['capabilities'] {
    return this.#options.guard.capabilities;
  }

  async read(signal?: AbortSignal): Promise<PowerReading> {
    const until = signal === undefined ? this.#over.signal : AbortSignal.any([signal, this.#over.signal]);
    until.throwIfAborted();
    const answers = await Promise.all(this.#options.sources.map((source) => this.#ask(source, until)));
    until.throwIfAborted();
    return fusePower(answers, this.#options.states);
  }

  onChange(listener: (reading: PowerReading) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onWakeRequest(listener: (reason: string) => void): Stop {
    return this.#options.guard.onWakeRequest(listener);
  }

  allowWake(): Promise<void> {
    return this.#options.guard.allowWake();
  }

  maskPowerOn(masked: boolean): Promise<void> {
    return this.#options.guard.maskPowerOn(masked);
  }

  powerOnMasked(signal?: AbortSignal): Promise<boolean> {
    return this.#options.guard.powerOnMasked(signal);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#over.abort(new Error('the power sources are closed'));
  }

  async #ask(source: PowerSource, signal: AbortSignal): Promise<SourceAnswer> {
    const { clock, patience = PATIENCE } = this.#options;
    const { name, required } = source;
    const deadline = clock.deadline(patience, `asking ${name} for the host's power`);
    const until = AbortSignal.any([signal, deadline.signal]);
    try {
      return { name, required, claim: await orAborted(source.read(until), until) };
    } catch (error) {
      return { name, required, claim: { failed: `no answer (${asNsError(error, 'NS_POWER').code})` } };
    } finally {
      deadline.release();
    }
  }

  #look(): void {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookWhileChanging().finally(() => {
      this.#looking = false;
    });
  }

  async #lookWhileChanging(): Promise<void> {
    while (this.#again && !this.#over.signal.aborted) {
      this.#again = false;
      const reading = await this.read().catch(() => undefined);
      // What is older than the latest change is no news.
      if (reading === undefined || this.#again) continue;
      this.#tell(reading);
    }
  }

  #tell(reading: PowerReading): void {
    const before = this.#told;
    this.#told = reading;
    if (before !== undefined && before.state === reading.state && before.certain === reading.certain) return;
    if (!reading.certain) {
      const said = Object.entries(reading.sources).map(([source, value]) => `${source}: ${value}`);
      this.#options.log.log('warn', 'power.not-certain', { fusion: reading.fusion, said: said.join(', ') });
    }
    for (const listener of [...this.#listeners]) listener(reading);
  }
}
