import type { IoDevices, KnownPowerState, PowerClaim, PowerSource, Stop } from '../ports/index.ts';
import { levelName, type PowerSignal, statesBySignal } from './power-signals.ts';

/** Where a board has a signal: a channel of kind gpio, and whether the line is low when the signal is there. */
export interface SignalLine {
  readonly signal: PowerSignal;
  readonly channel: string;
  readonly activeLow: boolean;
}

const ALL: readonly KnownPowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3'];

/** The host's power as the board's own lines show it. */
export class PinPowerSource implements PowerSource {
  readonly name = 'gpio';
  readonly required = true;
  readonly #io: IoDevices;
  readonly #lines: readonly SignalLine[];

  constructor(io: IoDevices, lines: readonly SignalLine[]) {
    this.#io = io;
    this.#lines = lines;
  }

  async read(signal: AbortSignal): Promise<PowerClaim> {
    const said: Record<string, string> = {};
    let possible = [...ALL];
    const values = await Promise.all(this.#lines.map(({ channel }) => this.#io.read(channel, signal)));
    for (const [index, line] of this.#lines.entries()) {
      const called = levelName(line.signal, (values[index] !== 0) !== line.activeLow);
      said[line.signal] = called;
      possible = possible.filter((state) => statesBySignal(line.signal, called)?.includes(state) ?? true);
    }
    return { possible, said };
  }

  onChange(listener: () => void): Stop {
    const stops = this.#lines.map(({ channel }) => this.#io.watch(channel, () => listener()));
    return () => {
      for (const stop of stops) stop();
    };
  }
}
