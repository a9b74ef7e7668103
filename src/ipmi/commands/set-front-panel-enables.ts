import type { Command } from '../command.ts';
import { flag } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** The front panel's buttons, a truth about each. */
export interface FrontPanelButtons {
  /** For switching off only: the same button still switches on. */
  readonly powerOff: boolean;
  readonly reset: boolean;
  readonly diagnosticInterrupt: boolean;
  /** For going to standby only. */
  readonly standby: boolean;
}

/** The four bits of a byte that are about buttons (IPMI 2.0, 28.2 and 28.6), from `from` on. */
export const buttonsIn = (byte: number, from: number): FrontPanelButtons => ({
  powerOff: ((byte >> from) & 1) === 1,
  reset: ((byte >> (from + 1)) & 1) === 1,
  diagnosticInterrupt: ((byte >> (from + 2)) & 1) === 1,
  standby: ((byte >> (from + 3)) & 1) === 1,
});

/** IPMI 2.0, 28.6: which buttons do nothing from now on; the others work. What holds is in Get Chassis Status. */
export const setFrontPanelEnables: Command<{ readonly disabled: FrontPanelButtons }, void> = {
  name: 'Set Front Panel Button Enables',
  netFn: NET_FN.chassis,
  code: 0x0a,
  level: 'administrator',
  repeatable: true,
  encode: ({ disabled }) =>
    Uint8Array.of(
      flag(disabled.powerOff, 0) |
        flag(disabled.reset, 1) |
        flag(disabled.diagnosticInterrupt, 2) |
        flag(disabled.standby, 3),
    ),
  decode: () => undefined,
};
