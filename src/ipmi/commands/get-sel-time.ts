import { type BmcSeconds, type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 31.10. Below 20000000h: seconds since the BMC was started, for want of a clock. */
export const getSelTime: Command<void, BmcSeconds> = {
  name: 'Get SEL Time',
  netFn: NET_FN.storage,
  code: 0x48,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: (data) => data.u32le(0),
};
