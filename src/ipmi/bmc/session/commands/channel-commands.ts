import type { ByteView } from '../../../../base/index.ts';
import { THIS_CHANNEL } from '../../../commands/channel.ts';
import { SUITES_PIECE } from '../../../commands/get-channel-cipher-suites.ts';
import { LEVEL } from '../../../session/set-up.ts';
import { bit, flag } from '../../../wire/bits.ts';
import type { CipherSuite } from '../../../wire/cipher-suite.ts';
import { NET_FN } from '../../../wire/message.ts';
import { type BmcCommand, type Caller, Completion } from '../../command.ts';
import { COMPLETION } from '../../dispatch.ts';
import { LAN_CHANNEL, type LanChannel, SYSTEM_INTERFACE } from '../channel.ts';

/** IPMI itself, as the vendor of a channel's protocol. */
const IPMI_FORUM = [0xf2, 0x1b, 0x00];
const MEDIUM = { lan: 0x04, system: 0x0c } as const;
const PROTOCOL = { ipmb: 0x01, kcs: 0x05 } as const;
const MANY_SESSIONS = 0x80;
const NO_INTERRUPT = 0xff;
const ALWAYS_AVAILABLE = 0x02;
const STANDARD_SUITE = 0xc0;

/** IPMI 2.0, 22.13. */
export const getChannelAuthenticationCapabilities = (channel: LanChannel): BmcCommand => ({
  name: 'Get Channel Authentication Capabilities',
  netFn: NET_FN.app,
  code: 0x38,
  from: { nobody: true, user: 'user', host: true },
  answer(data) {
    const wanted = data.u8(0);
    theLan(wanted & 0x0f);
    data.u8(1);
    const ipmi20 = bit(wanted, 7);
    // No type of IPMI 1.5 is on offer; names and passwords are always needed.
    const status = flag(channel.bmcKey !== undefined, 5) | flag(true, 2);
    return Uint8Array.of(LAN_CHANNEL, flag(ipmi20, 7), status, flag(ipmi20, 1), 0, 0, 0, 0);
  },
});

/** 22.15: a piece of the list. */
export const getChannelCipherSuites = (channel: LanChannel): BmcCommand => {
  const bySuite = channel.suites.flatMap((suite) => [STANDARD_SUITE, suite.id, ...algorithms(suite)]);
  const byAlgorithm = [...new Set(channel.suites.flatMap(algorithms))].toSorted((a, b) => a - b);
  return {
    name: 'Get Channel Cipher Suites',
    netFn: NET_FN.app,
    code: 0x54,
    from: { nobody: true, user: 'user' },
    answer(data) {
      theLan(data.u8(0) & 0x0f);
      data.u8(1);
      const wanted = data.u8(2);
      const list = bit(wanted, 7) ? bySuite : byAlgorithm;
      const from = (wanted & 0x3f) * SUITES_PIECE;
      return Uint8Array.of(LAN_CHANNEL, ...list.slice(from, from + SUITES_PIECE));
    },
  };
};

/** 22.24. The host's driver asks for every channel in turn. */
export const getChannelInfo = (channel: LanChannel): BmcCommand => ({
  name: 'Get Channel Info',
  netFn: NET_FN.app,
  code: 0x42,
  from: { user: 'user', host: true },
  answer(data, caller) {
    const number = numberOf(data, caller);
    if (number === LAN_CHANNEL) {
      const sessions = MANY_SESSIONS | channel.sessions.size;
      return Uint8Array.of(number, MEDIUM.lan, PROTOCOL.ipmb, sessions, ...IPMI_FORUM, 0, 0);
    }
    if (number === SYSTEM_INTERFACE)
      return Uint8Array.of(
        ...[number, MEDIUM.system, PROTOCOL.kcs, 0],
        ...[...IPMI_FORUM, NO_INTERRUPT, NO_INTERRUPT],
      );
    throw new Completion(COMPLETION.invalidField);
  },
});

/** 22.23. The settings that are kept and those in force are the same. */
export const getChannelAccess = (): BmcCommand => ({
  name: 'Get Channel Access',
  netFn: NET_FN.app,
  code: 0x41,
  from: { user: 'user', host: true },
  answer(data, caller) {
    const which = data.u8(1) >> 6;
    if (numberOf(data, caller) !== LAN_CHANNEL || (which !== 1 && which !== 2))
      throw new Completion(COMPLETION.invalidField);
    return Uint8Array.of(flag(true, 5) | ALWAYS_AVAILABLE, LEVEL.administrator);
  },
});

const algorithms = ({ authentication, integrity, confidentiality }: CipherSuite): number[] => [
  authentication,
  0x40 | integrity,
  0x80 | confidentiality,
];

/** CCh for any channel but the LAN's own. */
export function theLan(number: number): void {
  if (number !== LAN_CHANNEL && number !== THIS_CHANNEL) throw new Completion(COMPLETION.invalidField);
}

function numberOf(data: ByteView, caller: Caller): number {
  const number = data.u8(0) & 0x0f;
  if (number !== THIS_CHANNEL) return number;
  return caller.is === 'host' ? SYSTEM_INTERFACE : LAN_CHANNEL;
}
