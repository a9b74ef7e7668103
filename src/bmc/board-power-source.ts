import { NsError } from '../base/index.ts';
import type { HostPower, PowerClaim, PowerSource, Stop } from '../ports/index.ts';

/** A board's own HostPower as one source among others. */
export class BoardPowerSource implements PowerSource {
  readonly name = 'board';
  readonly required = true;
  readonly #power: HostPower;

  constructor(power: HostPower) {
    this.#power = power;
  }

  async read(signal: AbortSignal): Promise<PowerClaim> {
    const { state, certain, sources } = await this.#power.read(signal);
    if (state === 'unknown' || !certain)
      throw new NsError('NS_POWER', 'the board does not know it for certain');
    return { possible: [state], said: sources };
  }

  onChange(listener: () => void): Stop {
    return this.#power.onChange(() => listener());
  }
}
