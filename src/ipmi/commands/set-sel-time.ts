import { type BmcSeconds, type Command, within } from '../command.ts';
import { le32 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 31.11. */
export const setSelTime: Command<BmcSeconds, void> = {
  name: 'Set SEL Time',
  netFn: NET_FN.storage,
  code: 0x49,
  level: 'operator',
  repeatable: true,
  encode: (time) => Uint8Array.from(le32(within(time, 0, 0xffff_fffe, 'the time'))),
  decode: () => undefined,
};
