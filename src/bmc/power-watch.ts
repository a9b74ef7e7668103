import type { HostPower, PowerReading, PowerState, Stop } from '../ports/index.ts';
import { observe, type PowerView } from './power-machine.ts';

/**
 * HostPower seen through the power machine: every reading is normalised and remembered, so that everybody above
 * judges by the same view. A host that must have been awake unseen is reported as one `unknown` change first: what
 * was learnt of its disk before no longer holds.
 */
export class PowerWatch implements HostPower {
  readonly #power: HostPower;
  readonly #listeners = new Set<(reading: PowerReading) => void>();
  readonly #stop: Stop;
  #view: PowerView = { is: 'unread' };

  constructor(power: HostPower) {
    this.#power = power;
    this.#stop = power.onChange((reading) => {
      this.#take(reading, true);
    });
  }

  get capabilities(): HostPower['capabilities'] {
    return this.#power.capabilities;
  }

  /** As it was read or told last; unknown before. */
  get state(): PowerState {
    return this.#view.is === 'unread' ? 'unknown' : this.#view.reading.state;
  }

  async read(signal?: AbortSignal): Promise<PowerReading> {
    return this.#take(await this.#power.read(signal), false);
  }

  onChange(listener: (reading: PowerReading) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onWakeRequest(listener: (reason: string) => void): Stop {
    return this.#power.onWakeRequest(listener);
  }

  allowWake(): Promise<void> {
    return this.#power.allowWake();
  }

  maskPowerOn(masked: boolean): Promise<void> {
    return this.#power.maskPowerOn(masked);
  }

  powerOnMasked(signal?: AbortSignal): Promise<boolean> {
    return this.#power.powerOnMasked(signal);
  }

  /** Stops listening to the board. */
  close(): void {
    this.#stop();
    this.#listeners.clear();
  }

  /** The first reading is news only where the board itself brings it up. */
  #take(raw: PowerReading, told: boolean): PowerReading {
    const first = this.#view.is === 'unread';
    const step = observe(this.#view, raw);
    this.#view = step.view;
    const { reading } = step.view;
    if (step.wokeUnseen) {
      const contradiction = `${reading.state} cannot follow without the host having been awake`;
      const sources = { ...reading.sources, contradiction };
      this.#tell({ state: 'unknown', sources, certain: false, fusion: 'contradiction' });
    }
    if (step.changed && (told || !first)) this.#tell(reading);
    return reading;
  }

  #tell(reading: PowerReading): void {
    for (const listener of [...this.#listeners]) listener(reading);
  }
}
