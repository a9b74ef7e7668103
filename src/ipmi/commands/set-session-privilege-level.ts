import type { Command } from '../command.ts';
import { LEVEL, type Level } from '../session/set-up.ts';
import { nameOf } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 22.18: gives the level that the session has now. */
export const setSessionPrivilegeLevel: Command<{ readonly level: Level }, Level | undefined> = {
  name: 'Set Session Privilege Level',
  netFn: NET_FN.app,
  code: 0x3b,
  level: 'user',
  repeatable: true,
  codes: {
    128: 'this user does not have that level',
    129: 'the level is above the limit of the user or of the channel',
  },
  encode: ({ level }) => Uint8Array.of(LEVEL[level]),
  decode: (data) => nameOf(LEVEL, data.u8(0) & 0x0f),
};
