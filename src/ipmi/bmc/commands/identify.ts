import { type Duration, seconds } from '../../../base/index.ts';
import type { Clock } from '../../../ports/index.ts';
import { chassisIdentify, DEFAULT_IDENTIFY } from '../../commands/chassis-identify.ts';
import { bit } from '../../wire/bits.ts';
import type { BmcCommand } from '../command.ts';
import { OPERATOR_OR_HOST, serve } from './serve.ts';

/** The lamp that tells which machine it is, and what it was last told. */
export class Lamp {
  readonly #clock: Clock;
  readonly #light: (seconds: number | undefined) => Promise<void>;
  #until: Duration | 'told' | undefined;

  constructor(clock: Clock, light: (seconds: number | undefined) => Promise<void>) {
    this.#clock = clock;
    this.#light = light;
  }

  get state(): 'off' | 'timed' | 'on' {
    if (this.#until === 'told') return 'on';
    return this.#until !== undefined && this.#clock.monotonic() < this.#until ? 'timed' : 'off';
  }

  /** Seconds; 0 for off, undefined for until told otherwise. */
  async show(time: number | undefined): Promise<void> {
    await this.#light(time);
    const end = (this.#clock.monotonic() + seconds(time ?? 0)) as Duration;
    this.#until = time === undefined ? 'told' : end;
  }
}

/** IPMI 2.0, 28.5: 15 seconds where no time is given. */
export function identifyCommands(lamp: Lamp | undefined): readonly BmcCommand[] {
  if (lamp === undefined) return [];
  return [
    serve(chassisIdentify, OPERATOR_OR_HOST, [0, 2], async (data) => {
      const isForced = data.length > 1 && bit(data.u8(1), 0);
      const time = data.length > 0 ? data.u8(0) : DEFAULT_IDENTIFY / seconds(1);
      await lamp.show(isForced ? undefined : time);
      return [];
    }),
  ];
}
