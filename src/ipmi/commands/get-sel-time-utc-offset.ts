import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { type UtcOffset, utcOffsetIn } from './sel-time-utc-offset.ts';

/** IPMI 2.0, 31.11a. */
export const getSelTimeUtcOffset: Command<void, UtcOffset> = {
  name: 'Get SEL Time UTC Offset',
  netFn: NET_FN.storage,
  code: 0x5c,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: (data) => utcOffsetIn(data.u16le(0)),
};
