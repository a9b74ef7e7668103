import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';

const MODES = ['disabled', 'before-boot', 'always', 'shared'] as const;
const LIMITS = ['none', 'callback', 'user', 'operator', 'administrator', 'oem'] as const;
/** Which of two settings: the one in force, or the one that a restart of the BMC brings back. */
const WHICH = { now: 0x80, kept: 0x40 } as const;

/** IPMI 2.0, 22.23. */
export interface ChannelAccess {
  /** Undefined: a code that the specification keeps for later. */
  readonly mode: (typeof MODES)[number] | undefined;
  readonly alerting: boolean;
  /** Sessions of IPMI 1.5: each message has a code of its own. RMCP+ sets this per session. */
  readonly perMessageAuthentication: boolean;
  /** Whether also commands of the User level need authentication. */
  readonly userLevelAuthentication: boolean;
  /** The highest level that anybody gets on this channel. */
  readonly limit: (typeof LIMITS)[number];
}

export const getChannelAccess: Command<
  { readonly channel?: ChannelNumber; readonly which?: keyof typeof WHICH },
  ChannelAccess
> = {
  name: 'Get Channel Access',
  netFn: NET_FN.app,
  code: 0x41,
  level: 'user',
  repeatable: true,
  codes: { 130: 'the channel has no sessions' },
  encode: ({ channel = THIS_CHANNEL, which = 'now' }) =>
    Uint8Array.of(within(channel, 0, 0x0f, 'the channel'), WHICH[which]),
  decode(data) {
    const [access, limit] = [data.u8(0), data.u8(1)];
    return {
      mode: MODES[access & 0x07],
      alerting: !bit(access, 5),
      perMessageAuthentication: !bit(access, 4),
      userLevelAuthentication: !bit(access, 3),
      limit: LIMITS[limit & 0x0f] ?? 'none',
    };
  },
};
