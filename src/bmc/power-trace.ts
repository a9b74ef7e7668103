import { type Duration, milliseconds, orAborted } from '../base/index.ts';
import type { Clock, HostPower, PowerReading, PowerState, Stop } from '../ports/index.ts';

/** Milliseconds since the origin of the trace, and the state from then on. */
export interface PowerMark {
  readonly at: number;
  readonly state: PowerState;
  readonly certain: boolean;
}

/** The most marks that a trace keeps. */
export const TRACE_MARKS = 64;

/**
 * Records the host's power around a task. The first mark is a reading made at the start, the last one a reading made
 * at the stop, even where nothing changed: both ends are looked at, never assumed. Between them are the changes.
 * Where there are more than TRACE_MARKS, the last place is given to the latest each time.
 */
export class PowerTrace {
  readonly #power: HostPower;
  readonly #clock: Clock;
  readonly #origin: Duration;
  readonly #marks: PowerMark[] = [];
  #stopListening: Stop | undefined;

  /** `origin`: the monotonic moment that `at` counts from, now by default. */
  constructor(power: HostPower, clock: Clock, origin: Duration = clock.monotonic()) {
    this.#power = power;
    this.#clock = clock;
    this.#origin = origin;
  }

  async start(signal?: AbortSignal): Promise<void> {
    this.#stopListening?.();
    this.#stopListening = this.#power.onChange((reading) => this.#note(reading));
    this.#note(await readOrUnknown(this.#power, signal));
  }

  async stop(signal?: AbortSignal): Promise<readonly PowerMark[]> {
    const reading = await readOrUnknown(this.#power, signal);
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#push(reading);
    return this.soFar();
  }

  soFar(): readonly PowerMark[] {
    return [...this.#marks];
  }

  #note(reading: PowerReading): void {
    const last = this.#marks.at(-1);
    if (last && last.state === reading.state && last.certain === reading.certain) return;
    this.#push(reading);
  }

  #push(reading: PowerReading): void {
    const at = Math.max(0, Math.round(milliseconds(this.#clock.monotonic() - this.#origin)));
    const mark = { at, state: reading.state, certain: reading.certain };
    if (this.#marks.length < TRACE_MARKS) this.#marks.push(mark);
    else this.#marks[TRACE_MARKS - 1] = mark;
  }
}

/** A power sensor that cannot be read tells nothing: the state is unknown, and the trace goes on. */
async function readOrUnknown(power: HostPower, signal?: AbortSignal): Promise<PowerReading> {
  try {
    return await (signal === undefined ? power.read() : orAborted(power.read(signal), signal));
  } catch {
    return { state: 'unknown', sources: { reading: 'failed' }, certain: false, fusion: 'missing' };
  }
}
