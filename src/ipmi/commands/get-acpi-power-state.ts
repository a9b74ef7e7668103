import { type Command, NOTHING } from '../command.ts';
import { nameOf } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import {
  ACPI_DEVICE_STATE,
  ACPI_SYSTEM_STATE,
  type AcpiDeviceState,
  type AcpiSystemState,
} from './acpi-power-state.ts';

/** IPMI 2.0, 20.7. What the host last told its BMC, or what the BMC can see: a code out of the table is "unknown". */
export interface AcpiPowerState {
  readonly system: AcpiSystemState;
  readonly device: AcpiDeviceState;
}

export const getAcpiPowerState: Command<void, AcpiPowerState> = {
  name: 'Get ACPI Power State',
  netFn: NET_FN.app,
  code: 0x07,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: (data) => ({
    system: nameOf(ACPI_SYSTEM_STATE, data.u8(0) & 0x7f) ?? 'unknown',
    device: nameOf(ACPI_DEVICE_STATE, data.u8(1) & 0x7f) ?? 'unknown',
  }),
};
