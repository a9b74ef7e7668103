import { Wheel } from '../../src/adapters/sim/chain/index.ts';
import {
  type DevicePhyState,
  type Generation,
  type HostPhyState,
  type Level,
  type Nanoseconds,
  nanoseconds,
  newPhy,
  type Phy,
  type PhyEvent,
  type PhyLine,
  type PhyNotice,
  type PhyStep,
  type PhyTimings,
  SATA_TIMINGS,
  sstatusOf,
  stepDevicePhy,
  stepHostPhy,
} from '../../src/sata-chain/index.ts';

type Step<S extends string> = (phy: Phy<S>, event: PhyEvent, timings: PhyTimings) => PhyStep<S>;

/** One phy of a pair, with all that it did. */
export class PhyEnd<S extends string> {
  readonly sent: { readonly at: number; readonly level: Level }[] = [];
  readonly notices: PhyNotice[] = [];
  phy: Phy<S>;
  deaf = false;
  peer: { hear(level: Level): void } | undefined;
  readonly #wheel: Wheel;
  readonly #step: Step<S>;
  readonly #delay: Nanoseconds;
  readonly #timings: PhyTimings;
  #stop: (() => void) | undefined;

  constructor(wheel: Wheel, step: Step<S>, phy: Phy<S>, timings: PhyTimings, delay: Nanoseconds) {
    this.#wheel = wheel;
    this.#step = step;
    this.phy = phy;
    this.#timings = timings;
    this.#delay = delay;
  }

  line(line: PhyLine): void {
    this.give({ is: 'line', line });
  }

  hear(level: Level): void {
    this.#wheel.after(this.#delay, () => {
      if (!this.deaf) this.give({ is: 'level', level });
    });
  }

  give(event: PhyEvent): void {
    const { phy, transmit, timer, notices } = this.#step(this.phy, event, this.#timings);
    this.phy = phy;
    this.notices.push(...notices);
    if (timer !== undefined) this.#stop?.();
    if (timer && timer !== 'stop') {
      this.#stop = this.#wheel.after(timer.after, () => this.give({ is: 'timer' }));
    }
    if (transmit === undefined) return;
    this.sent.push({ at: this.#wheel.now(), level: transmit });
    this.peer?.hear(transmit);
  }

  get sstatus(): number {
    return sstatusOf(
      this.phy,
      /^[HD]P(7[QAD]?|8[QAD]?|9|10)$/.test(this.phy.state) && this.phy.state !== 'HP7',
    );
  }
}

export interface PhyPair {
  readonly wheel: Wheel;
  readonly host: PhyEnd<HostPhyState>;
  readonly device: PhyEnd<DevicePhyState>;
}

/** A host phy and a device phy on one cable, both off. */
export function phyPair(
  options: {
    readonly host?: Generation;
    readonly device?: Generation;
    readonly timings?: PhyTimings;
    readonly delay?: Nanoseconds;
  } = {},
): PhyPair {
  const wheel = new Wheel();
  const timings = options.timings ?? SATA_TIMINGS;
  const delay = options.delay ?? nanoseconds(5);
  const host = new PhyEnd<HostPhyState>(wheel, stepHostPhy, newPhy('HP1', options.host ?? 3), timings, delay);
  const device = new PhyEnd<DevicePhyState>(
    wheel,
    stepDevicePhy,
    newPhy('DP1', options.device ?? 3),
    timings,
    delay,
  );
  host.peer = device;
  device.peer = host;
  return { wheel, host, device };
}
