import { asNsError, type Duration, eitherSignal, milliseconds, orAborted } from '../base/index.ts';
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

/** So long a source may keep what another has already seen from being news. */
const SOON = milliseconds(100);
/** A host that changes as often as it is looked at is in no state. */
const LOOKS = 3;

/** HostPower out of all that the board knows: every reading asks every source, and is what they leave possible together. */
export class FusedPower implements HostPower {
  readonly #options: FusedPowerOptions;
  readonly #listeners = new Set<(reading: PowerReading) => void>();
  readonly #stops: readonly Stop[];
  readonly #over = new AbortController();
  /** Did not answer when it was asked last. */
  readonly #silent = new Set<PowerSource>();
  #told: PowerReading | undefined;
  #looking = false;
  /** Counts what the sources told: answers from before the latest are not of one moment. */
  #changes = 0;

  constructor(options: FusedPowerOptions) {
    this.#options = options;
    this.#stops = options.sources.map((source) => source.onChange(() => this.#look()));
  }

  get capabilities(): HostPower['capabilities'] {
    return this.#options.guard.capabilities;
  }

  read(signal?: AbortSignal): Promise<PowerReading> {
    return this.#read(signal, []);
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

  /** `heard` gets what the sources say as they say it. */
  async #read(signal: AbortSignal | undefined, heard: SourceAnswer[]): Promise<PowerReading> {
    const { sources, states } = this.#options;
    const until = eitherSignal(this.#over.signal, ...(signal === undefined ? [] : [signal]));
    try {
      for (let looks = 1; ; looks += 1) {
        until.signal.throwIfAborted();
        const changes = this.#changes;
        const answers = await Promise.all(
          sources.map(async (source) => {
            const answer = await this.#ask(source, until.signal);
            heard.push(answer);
            return answer;
          }),
        );
        until.signal.throwIfAborted();
        const reading = fusePower(answers, states);
        if (changes === this.#changes) return reading;
        if (looks === LOOKS) return doubtOf(reading.sources);
      }
    } finally {
      until.release();
    }
  }

  async #ask(source: PowerSource, signal: AbortSignal): Promise<SourceAnswer> {
    const { clock, patience = PATIENCE } = this.#options;
    const { name, required } = source;
    // The others decide without it, and need not wait each time for one that has just been away.
    const wait = !required && this.#silent.has(source) ? SOON : patience;
    const deadline = clock.deadline(wait, `asking ${name} for the host's power`);
    const until = eitherSignal(signal, deadline.signal);
    try {
      const claim = await orAborted(source.read(until.signal), until.signal);
      this.#silent.delete(source);
      return { name, required, claim };
    } catch (error) {
      this.#silent.add(source);
      return { name, required, claim: { failed: `no answer (${asNsError(error, 'NS_POWER').code})` } };
    } finally {
      until.release();
      deadline.release();
    }
  }

  #look(): void {
    this.#changes += 1;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookWhileChanging().finally(() => {
      this.#looking = false;
    });
  }

  async #lookWhileChanging(): Promise<void> {
    let changes: number;
    do {
      changes = this.#changes;
      const heard: SourceAnswer[] = [];
      const stop = this.#options.clock.after(SOON, () => this.#doubt(heard));
      const reading = await this.#read(undefined, heard).catch(() => undefined);
      stop();
      if (reading !== undefined) this.#tell(reading);
    } while (changes !== this.#changes && !this.#over.signal.aborted);
  }

  /** What one source rules out is no longer so, however long the others take: a disk comes home meanwhile. */
  #doubt(heard: readonly SourceAnswer[]): void {
    const told = this.#told;
    if (told === undefined || !told.certain) return;
    const against = heard.find(
      ({ claim }) => 'possible' in claim && !claim.possible.some((one) => one === told.state),
    );
    if (against === undefined || !('said' in against.claim)) return;
    this.#tell(doubtOf({ ...told.sources, ...against.claim.said }));
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

const doubtOf = (sources: PowerReading['sources']): PowerReading => ({
  state: 'unknown',
  sources,
  certain: false,
  fusion: 'contradiction',
});
