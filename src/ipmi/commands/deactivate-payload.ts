import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { PAYLOAD } from '../wire/packet.ts';

/** IPMI 2.0, 24.2, for Serial Over LAN. */
export const deactivatePayload: Command<{ readonly instance?: number }, void> = {
  name: 'Deactivate Payload',
  netFn: NET_FN.app,
  code: 0x49,
  level: 'operator',
  repeatable: true,
  codes: { 128: 'the console was closed already', 129: 'the console over LAN is switched off' },
  encode: ({ instance = 1 }) =>
    Uint8Array.of(PAYLOAD.sol, within(instance, 1, 0x0f, 'the instance'), 0, 0, 0, 0),
  decode: () => undefined,
};
