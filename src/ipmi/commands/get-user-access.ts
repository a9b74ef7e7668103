import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';

const LEVELS = ['none', 'callback', 'user', 'operator', 'administrator', 'oem'] as const;
const STATUS = ['unspecified', 'enabled', 'disabled', 'unspecified'] as const;
export const MOST_USERS = 63;

/** IPMI 2.0, 22.27: one user's rights on one channel. */
export interface UserAccess {
  readonly mostUsers: number;
  readonly enabledUsers: number;
  readonly fixedNames: number;
  /** BMCs older than IPMI 2.0 do not tell. */
  readonly status: 'enabled' | 'disabled' | 'unspecified';
  readonly onlyCallback: boolean;
  readonly linkAuthentication: boolean;
  readonly ipmiMessaging: boolean;
  /** The highest privilege level. */
  readonly limit: (typeof LEVELS)[number];
}

export const getUserAccess: Command<{ readonly user: number; readonly channel?: ChannelNumber }, UserAccess> =
  {
    name: 'Get User Access',
    netFn: NET_FN.app,
    code: 0x44,
    level: 'operator',
    repeatable: true,
    encode: ({ user, channel = THIS_CHANNEL }) =>
      Uint8Array.of(within(channel, 0, 0x0f, 'the channel'), within(user, 1, MOST_USERS, 'the user id')),
    decode(data) {
      const [enabled, access] = [data.u8(1), data.u8(3)];
      return {
        mostUsers: data.u8(0) & 0x3f,
        enabledUsers: enabled & 0x3f,
        status: STATUS[enabled >> 6]!,
        fixedNames: data.u8(2) & 0x3f,
        onlyCallback: bit(access, 6),
        linkAuthentication: bit(access, 5),
        ipmiMessaging: bit(access, 4),
        limit: LEVELS[access & 0x0f] ?? 'none',
      };
    },
  };
