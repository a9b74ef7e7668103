import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 31.4. The reservation ends when anything is added to or erased from the log. */
export const reserveSel: Command<void, number> = {
  name: 'Reserve SEL',
  netFn: NET_FN.storage,
  code: 0x42,
  level: 'user',
  repeatable: true,
  codes: { 129: 'the log is being erased' },
  encode: () => NOTHING,
  decode: (data) => data.u16le(0),
};
