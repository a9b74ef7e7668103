import {
  type Found,
  type HostPort,
  type HostPortInput,
  type HostPortTimings,
  type Level,
  newHostPort,
  type Scheduler,
  stepHostPort,
} from '../../../sata-chain/index.ts';
import type { CableEnd, SimCable } from './cable.ts';

/** A host with one SATA port. `disks` is all that it ever took for its disk, undefined for none, in order. */
export class SimHost implements CableEnd {
  readonly #scheduler: Scheduler;
  readonly #cable: SimCable;
  readonly #timings: HostPortTimings;
  readonly #stops = new Map<'phy' | 'wait', () => void>();
  readonly disks: (Found | undefined)[] = [];
  #port: HostPort<Found>;
  #question = 0;

  constructor(scheduler: Scheduler, cable: SimCable, timings: HostPortTimings, fastest: 1 | 2 | 3 = 3) {
    this.#scheduler = scheduler;
    this.#cable = cable;
    this.#timings = timings;
    this.#port = newHostPort(fastest);
    cable.attach('host', this);
  }

  get port(): HostPort<Found> {
    return this.#port;
  }

  get disk(): Found | undefined {
    return this.#port.disk;
  }

  power(on: boolean): void {
    this.#give({ is: 'power', on });
  }

  /** COMRESET by the host's own will. */
  reset(): void {
    this.#give({ is: 'reset' });
  }

  hear(level: Level): void {
    this.#give({ is: 'level', level });
  }

  signature(): void {
    this.#give({ is: 'signature' });
  }

  identity(): undefined {
    return undefined;
  }

  #give(input: HostPortInput<Found>): void {
    const { port, outputs } = stepHostPort(this.#port, input, this.#timings);
    this.#port = port;
    for (const output of outputs) {
      switch (output.is) {
        case 'transmit':
          this.#cable.transmit('host', output.level);
          break;
        case 'start': {
          const { timer } = output;
          this.#stops.get(timer)?.();
          this.#stops.set(
            timer,
            this.#scheduler.after(output.after, () => this.#give({ is: 'timer', timer })),
          );
          break;
        }
        case 'stop':
          this.#stops.get(output.timer)?.();
          break;
        case 'identify':
          this.#identify();
          break;
        case 'disk':
          this.disks.push(output.disk);
          break;
      }
    }
  }

  #identify(): void {
    this.#question += 1;
    const question = this.#question;
    this.#cable.ask((disk) => {
      if (question === this.#question) this.#give({ is: 'identity', disk });
    });
  }
}
