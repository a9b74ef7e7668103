import type { Command } from '../command.ts';
import { le32 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 22.19: somebody else's session, by its id at the BMC. A client's own ends with its carrier. */
export const closeSession: Command<{ readonly id: number }, void> = {
  name: 'Close Session',
  netFn: NET_FN.app,
  code: 0x3c,
  level: 'administrator',
  repeatable: false,
  codes: { 135: 'there is no such session' },
  encode: ({ id }) => Uint8Array.from(le32(id)),
  decode: () => undefined,
};
