import type { Command } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import {
  ACPI_DEVICE_STATE,
  ACPI_SYSTEM_STATE,
  type AcpiDeviceState,
  type AcpiSystemState,
} from './acpi-power-state.ts';

export interface AcpiPowerStateChange {
  readonly system?: AcpiSystemState;
  readonly device?: AcpiDeviceState;
}

const SET = 0x80;
const NO_CHANGE = 0x7f;

/** IPMI 2.0, 20.6. Tells the BMC what state the host is in; it moves no power. */
export const setAcpiPowerState: Command<AcpiPowerStateChange, void> = {
  name: 'Set ACPI Power State',
  netFn: NET_FN.app,
  code: 0x06,
  level: 'administrator',
  repeatable: true,
  encode: ({ system, device }) =>
    Uint8Array.of(
      system === undefined ? NO_CHANGE : SET | ACPI_SYSTEM_STATE[system],
      device === undefined ? NO_CHANGE : SET | ACPI_DEVICE_STATE[device],
    ),
  decode: () => undefined,
};
