import { type Duration, NsError, seconds } from '../base/index.ts';
import { type commands, type IpmiClient, IpmiCompletion } from '../ipmi/index.ts';
import type {
  Clock,
  HostControl,
  KnownPowerState,
  PowerAction,
  PowerClaim,
  PowerSource,
  Stop,
} from '../ports/index.ts';

export interface IpmiPowerOptions {
  readonly client: Pick<IpmiClient, 'chassisStatus' | 'acpiPowerState' | 'chassisControl'>;
  readonly clock: Clock;
  /** False where other sources tell the state as well, and this one may be away. */
  readonly required?: boolean;
  /** Between two looks: IPMI tells nothing by itself. 2 s. */
  readonly every?: Duration;
}

const EVERY = seconds(2);

/** A BMC that answers has standby power, and so has its host: no G3. */
const ALL: readonly KnownPowerState[] = ['S0', 'S3', 'S4', 'S5'];
const WITHOUT_MAIN_POWER: readonly KnownPowerState[] = ['S3', 'S4', 'S5'];

/** What each ACPI system power state leaves possible (IPMI 2.0, table 20-6); S1 and S2 keep the processor's power. */
const BY_ACPI: Readonly<Record<commands.AcpiPowerState['system'], readonly KnownPowerState[]>> = {
  S0: ['S0'],
  S1: ['S0'],
  S2: ['S0'],
  S3: ['S3'],
  S4: ['S4'],
  S5: ['S5'],
  'S4/S5': ['S4', 'S5'],
  G3: ['S5'],
  sleeping: ['S0', 'S3'],
  'G1-sleeping': ['S0', 'S3', 'S4'],
  'S5-by-override': ['S5'],
  'legacy-on': ['S0'],
  'legacy-off': WITHOUT_MAIN_POWER,
  unknown: ALL,
};

/** Completion codes by which a BMC says that it keeps no ACPI state. */
const NOT_KEPT: readonly number[] = [0xc1, 0xd5, 0xd6];

/**
 * The host's power as the board's own BMC knows it: chassis status and ACPI power state. Chassis power alone cannot tell a
 * suspended host from one that is off: where no other source and no board rule does, the state is unknown.
 */
export class IpmiPower implements PowerSource, HostControl {
  readonly name = 'ipmi';
  readonly required: boolean;
  readonly actions = ['on', 'off', 'soft', 'reset', 'nmi'] as const;
  readonly #options: IpmiPowerOptions;
  readonly #listeners = new Set<() => void>();
  readonly #over = new AbortController();
  #stop: Stop | undefined;
  #looking = false;
  #last: string | undefined;

  constructor(options: IpmiPowerOptions) {
    this.#options = options;
    this.required = options.required ?? true;
  }

  async read(signal: AbortSignal): Promise<PowerClaim> {
    const { client } = this.#options;
    const { powerOn } = await client.chassisStatus(signal);
    const acpi = await this.#acpi(signal);
    const byChassis = powerOn ? (['S0'] as const) : WITHOUT_MAIN_POWER;
    return {
      possible: byChassis.filter((state) => BY_ACPI[acpi].includes(state)),
      said: { chassis: powerOn ? 'on' : 'off', acpi },
    };
  }

  onChange(listener: () => void): Stop {
    this.#listeners.add(listener);
    this.#stop ??= this.#options.clock.every(this.#options.every ?? EVERY, () => void this.#look());
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  async drive(action: Exclude<PowerAction, 'cycle'>, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.client.chassisControl(action, signal);
    } catch (cause) {
      throw new NsError('NS_POWER', `the BMC did not take "${action}"`, { cause, family: 'peer' });
    }
  }

  close(): void {
    this.#stop?.();
    this.#over.abort(new Error('the BMC is no longer asked'));
  }

  async #acpi(signal: AbortSignal): Promise<commands.AcpiPowerState['system']> {
    try {
      return (await this.#options.client.acpiPowerState(signal)).system;
    } catch (error) {
      if (error instanceof IpmiCompletion && NOT_KEPT.includes(error.completion)) return 'unknown';
      throw error;
    }
  }

  /** A BMC that is slow is asked once at a time. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const now = await this.read(this.#over.signal).then(
        ({ said }) => JSON.stringify(said),
        () => 'no answer',
      );
      if (this.#last !== now && !this.#over.signal.aborted) {
        this.#last = now;
        for (const listener of [...this.#listeners]) listener();
      }
    } finally {
      this.#looking = false;
    }
  }
}
