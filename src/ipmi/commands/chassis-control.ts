import type { Command } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 28.3. "cycle" and "reset" need not switch on a machine that is off. */
export const CHASSIS_CONTROL = { off: 0, on: 1, cycle: 2, reset: 3, nmi: 4, soft: 5 } as const;
export type ChassisControl = keyof typeof CHASSIS_CONTROL;

/** The BMC answers before the deed is done. */
export const chassisControl: Command<ChassisControl, void> = {
  name: 'Chassis Control',
  netFn: NET_FN.chassis,
  code: 0x02,
  level: 'operator',
  repeatable: false,
  encode: (control) => Uint8Array.of(CHASSIS_CONTROL[control]),
  decode: () => undefined,
};
