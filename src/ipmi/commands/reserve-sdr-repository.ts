import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 33.11. The reservation ends when the repository changes or anybody else reserves it. */
export const reserveSdrRepository: Command<void, number> = {
  name: 'Reserve SDR Repository',
  netFn: NET_FN.storage,
  code: 0x22,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: (data) => data.u16le(0),
};
