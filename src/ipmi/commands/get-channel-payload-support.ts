import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';

/** IPMI 2.0, 24.8: the payload types that a channel carries, in rising order; SOL is 1. */
export type SupportedPayloads = readonly number[];

/** Standard types 0-15, those of session set-up 16-31, and the maker's 32-47. */
const TYPES = 48;

export const getChannelPayloadSupport: Command<{ readonly channel?: ChannelNumber }, SupportedPayloads> = {
  name: 'Get Channel Payload Support',
  netFn: NET_FN.app,
  code: 0x4e,
  level: 'user',
  repeatable: true,
  encode: ({ channel = THIS_CHANNEL }) => Uint8Array.of(within(channel, 0, 0x0f, 'the channel')),
  decode: (data) =>
    Array.from({ length: TYPES }, (_, type) => type).filter((type) => bit(data.u8(type >> 3), type & 7)),
};
