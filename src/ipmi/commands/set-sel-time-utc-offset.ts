import type { Command } from '../command.ts';
import { le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type UtcOffset, utcOffsetWord } from './sel-time-utc-offset.ts';

/** IPMI 2.0, 31.11b. Says what the clock means; moves it by nothing. */
export const setSelTimeUtcOffset: Command<UtcOffset, void> = {
  name: 'Set SEL Time UTC Offset',
  netFn: NET_FN.storage,
  code: 0x5d,
  level: 'operator',
  repeatable: true,
  encode: (offset) => Uint8Array.from(le16(utcOffsetWord(offset))),
  decode: () => undefined,
};
