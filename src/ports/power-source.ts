import type { Stop } from './clock.ts';
import type { PowerState } from './host-power.ts';

export type KnownPowerState = Exclude<PowerState, 'unknown'>;

/** What one source says of the host's power. */
export interface PowerClaim {
  /** The states that it leaves possible: one where it is sure, several where it cannot tell them apart. */
  readonly possible: readonly KnownPowerState[];
  /** In the source's own words, by signal: {"chassis": "off", "acpi": "S5"}. */
  readonly said: Readonly<Record<string, string>>;
}

/** One way to learn the host's power: pins, the board's own BMC, a hypervisor. */
export interface PowerSource {
  /** "gpio", "ipmi", "qmp". */
  readonly name: string;
  /** Without a source that is required the state is unknown, whatever the others say. */
  readonly required: boolean;
  /** Throws where it cannot be asked; "does not know" is a claim that leaves all states possible. */
  read(signal: AbortSignal): Promise<PowerClaim>;
  /** Called when it may have changed; whoever wants to know reads again. */
  onChange(listener: () => void): Stop;
}
