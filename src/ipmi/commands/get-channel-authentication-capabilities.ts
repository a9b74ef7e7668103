import { type Command, within } from '../command.ts';
import { LEVEL, type Level } from '../session/set-up.ts';
import { bit, flag } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';

/** IPMI 2.0, 22.13. Asked before a session, and so not to be trusted. */
export interface AuthenticationCapabilities {
  readonly channel: number;
  /** Speaks RMCP+. */
  readonly ipmi20: boolean;
  readonly ipmi15: boolean;
  /** Of IPMI 1.5. */
  readonly authenticationTypes: readonly string[];
  /** A key of its own (Kg) is set. */
  readonly bmcKey: boolean;
  readonly namedUsers: boolean;
  readonly namelessUsers: boolean;
  /** User without name or password: anybody gets in. */
  readonly anonymous: boolean;
  readonly oemId: number;
}

const TYPES = ['none', 'md2', 'md5', undefined, 'password', 'oem'] as const;

export const getChannelAuthenticationCapabilities: Command<
  { readonly channel?: ChannelNumber; readonly level?: Level },
  AuthenticationCapabilities
> = {
  name: 'Get Channel Authentication Capabilities',
  netFn: NET_FN.app,
  code: 0x38,
  level: 'user',
  repeatable: true,
  encode: ({ channel = THIS_CHANNEL, level = 'user' }) =>
    Uint8Array.of(within(channel, 0, 0x0f, 'the channel') | flag(true, 7), LEVEL[level]),
  decode(data) {
    const [types, status, extended] = [data.u8(1), data.u8(2), data.u8(3)];
    const isExtended = bit(types, 7);
    return {
      channel: data.u8(0) & 0x0f,
      ipmi20: isExtended && bit(extended, 1),
      ipmi15: !isExtended || bit(extended, 0),
      authenticationTypes: TYPES.filter((name, n) => name !== undefined && bit(types, n)) as string[],
      bmcKey: bit(status, 5),
      namedUsers: bit(status, 2),
      namelessUsers: bit(status, 1),
      anonymous: bit(status, 0),
      oemId: data.u16le(4) | (data.u8(6) << 16),
    };
  },
};
