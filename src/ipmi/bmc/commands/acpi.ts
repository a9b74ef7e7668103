import type { PowerReading, PowerState } from '../../../ports/index.ts';
import {
  ACPI_DEVICE_STATE,
  ACPI_SYSTEM_STATE,
  type AcpiDeviceState,
  type AcpiSystemState,
} from '../../commands/acpi-power-state.ts';
import { getAcpiPowerState } from '../../commands/get-acpi-power-state.ts';
import { setAcpiPowerState } from '../../commands/set-acpi-power-state.ts';
import { bit, nameOf } from '../../wire/bits.ts';
import type { BmcCommand } from '../command.ts';
import type { BmcChassis, HostChange } from '../machine.ts';
import { serve, USER_OR_HOST, valid } from './serve.ts';

const STATE = 0x7f;

/** What the host says of its own ACPI state: a claim. It refines what the machine's sources saw, and never contradicts it. */
export class AcpiClaim {
  #system: AcpiSystemState | undefined;
  #device: AcpiDeviceState = 'unknown';

  claim(system: AcpiSystemState | undefined, device: AcpiDeviceState | undefined): void {
    this.#system = system ?? this.#system;
    this.#device = device ?? this.#device;
  }

  /** A host that went down or started anew has said nothing yet. */
  host(_change: HostChange): void {
    this.#system = undefined;
    this.#device = 'unknown';
  }

  get device(): AcpiDeviceState {
    return this.#device;
  }

  systemAt({ certain, state }: PowerReading): AcpiSystemState {
    if (!certain || state === 'unknown') return 'unknown';
    return this.#system !== undefined && FITS[state].includes(this.#system) ? this.#system : state;
  }
}

/** The claims that say more than the state that was seen, and nothing else. */
const FITS: Readonly<Record<Exclude<PowerState, 'unknown'>, readonly AcpiSystemState[]>> = {
  S0: ['S0', 'S1', 'S2', 'legacy-on'],
  S3: ['S3'],
  S4: ['S4'],
  S5: ['S5', 'S5-by-override', 'legacy-off'],
  G3: ['G3'],
};

/** IPMI 2.0, 20.6 and 20.7. */
export function acpiCommands(chassis: BmcChassis, claim: AcpiClaim): readonly BmcCommand[] {
  return [
    serve(setAcpiPowerState, { user: 'administrator', host: true }, 2, (data) => {
      const [system, device] = [data.u8(0), data.u8(1)];
      const systemName = nameOf(ACPI_SYSTEM_STATE, system & STATE);
      const deviceName = nameOf(ACPI_DEVICE_STATE, device & STATE);
      valid((!bit(system, 7) || systemName !== undefined) && (!bit(device, 7) || deviceName !== undefined));
      claim.claim(bit(system, 7) ? systemName : undefined, bit(device, 7) ? deviceName : undefined);
      return [];
    }),
    serve(getAcpiPowerState, USER_OR_HOST, 0, async (_data, _caller, signal) => {
      const system = claim.systemAt(await chassis.power(signal));
      return [ACPI_SYSTEM_STATE[system], ACPI_DEVICE_STATE[claim.device]];
    }),
  ];
}
