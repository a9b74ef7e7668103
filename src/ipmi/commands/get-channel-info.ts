import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';

/** IPMI 2.0, tables 6-3 and 6-2. */
const MEDIUM: Readonly<Record<number, string>> = {
  1: 'IPMB (I2C)',
  2: 'ICMB 1.0',
  3: 'ICMB 0.9',
  4: '802.3 LAN',
  5: 'serial or modem',
  6: 'other LAN',
  7: 'PCI SMBus',
  8: 'SMBus 1.0 or 1.1',
  9: 'SMBus 2.0',
  10: 'USB 1',
  11: 'USB 2',
  12: 'system interface',
};
const PROTOCOL: Readonly<Record<number, string>> = {
  1: 'IPMB 1.0',
  2: 'ICMB 1.0',
  4: 'IPMI on SMBus',
  5: 'KCS',
  6: 'SMIC',
  7: 'BT 1.0',
  8: 'BT 1.5',
  9: 'terminal mode',
};
const SESSIONS = ['none', 'one', 'many', 'switched'] as const;

/** IPMI 2.0, 22.24. */
export interface ChannelInfo {
  readonly channel: number;
  readonly medium: string;
  readonly protocol: string;
  readonly sessions: (typeof SESSIONS)[number];
  readonly activeSessions: number;
  /** Of whoever defined the protocol: 7154 is IPMI itself. */
  readonly vendorId: number;
}

export const getChannelInfo: Command<{ readonly channel?: ChannelNumber }, ChannelInfo> = {
  name: 'Get Channel Info',
  netFn: NET_FN.app,
  code: 0x42,
  level: 'user',
  repeatable: true,
  encode: ({ channel = THIS_CHANNEL }) => Uint8Array.of(within(channel, 0, 0x0f, 'the channel')),
  decode(data) {
    const [medium, protocol, sessions] = [data.u8(1) & 0x7f, data.u8(2) & 0x1f, data.u8(3)];
    return {
      channel: data.u8(0) & 0x0f,
      medium: MEDIUM[medium] ?? `medium ${medium}`,
      protocol: PROTOCOL[protocol] ?? `protocol ${protocol}`,
      sessions: SESSIONS[sessions >> 6]!,
      activeSessions: sessions & 0x3f,
      vendorId: data.u16le(4) | (data.u8(6) << 16),
    };
  },
};
