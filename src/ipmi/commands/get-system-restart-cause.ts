import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

export const RESTART_CAUSES = [
  'unknown',
  'chassis-control',
  'reset-button',
  'power-button',
  'watchdog',
  'oem',
  'always-on-policy',
  'previous-state-policy',
  'pef-reset',
  'pef-power-cycle',
  'soft-reset',
  'rtc-wake-up',
] as const;
export type RestartCause = (typeof RESTART_CAUSES)[number];

/** IPMI 2.0, 28.11. */
export const getSystemRestartCause: Command<
  void,
  {
    readonly cause: RestartCause;
    /** By which the command came, where one did. */
    readonly channel: number;
  }
> = {
  name: 'Get System Restart Cause',
  netFn: NET_FN.chassis,
  code: 0x07,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: (data) => ({ cause: RESTART_CAUSES[data.u8(0) & 0x0f] ?? 'unknown', channel: data.u8(1) }),
};
