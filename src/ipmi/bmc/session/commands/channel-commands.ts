import type { ByteView } from '../../../../base/index.ts';
import {
  getChannelAccess,
  getChannelAuthenticationCapabilities,
  getChannelCipherSuites,
  getChannelInfo,
  SUITES_PIECE,
  THIS_CHANNEL,
} from '../../../commands/index.ts';
import { LEVEL } from '../../../session/set-up.ts';
import { bit, flag } from '../../../wire/bits.ts';
import type { CipherSuite } from '../../../wire/cipher-suite.ts';
import { type BmcCommand, type Caller, Completion } from '../../command.ts';
import { serve, USER_OR_HOST } from '../../commands/serve.ts';
import { COMPLETION } from '../../dispatch.ts';
import { checkLanChannel, LAN_CHANNEL, SYSTEM_INTERFACE } from '../../lan-channel.ts';
import type { LanChannel } from '../channel.ts';

/** IPMI itself, as the vendor of a channel's protocol. */
const IPMI_FORUM = [0xf2, 0x1b, 0x00];
const MEDIUM = { lan: 0x04, system: 0x0c } as const;
const PROTOCOL = { ipmb: 0x01, kcs: 0x05 } as const;
const MANY_SESSIONS = 0x80;
const NO_INTERRUPT = 0xff;
const ALWAYS_AVAILABLE = 0x02;
const STANDARD_SUITE = 0xc0;

/** IPMI 2.0, 22.13. */
const capabilities = (channel: LanChannel): BmcCommand =>
  serve(getChannelAuthenticationCapabilities, { ...USER_OR_HOST, nobody: true }, 2, (data) => {
    const wanted = data.u8(0);
    checkLanChannel(wanted);
    const ipmi20 = bit(wanted, 7);
    // No type of IPMI 1.5 is on offer; names and passwords are always needed.
    const status = flag(channel.bmcKey !== undefined, 5) | flag(true, 2);
    return [LAN_CHANNEL, flag(ipmi20, 7), status, flag(ipmi20, 1), 0, 0, 0, 0];
  });

/** 22.15: a piece of the list. */
const suites = (channel: LanChannel): BmcCommand => {
  const bySuite = channel.suites.flatMap((suite) => [STANDARD_SUITE, suite.id, ...algorithms(suite)]);
  const byAlgorithm = [...new Set(channel.suites.flatMap(algorithms))].toSorted((a, b) => a - b);
  return serve(getChannelCipherSuites, { nobody: true, user: 'user' }, 3, (data) => {
    checkLanChannel(data.u8(0));
    const wanted = data.u8(2);
    const list = bit(wanted, 7) ? bySuite : byAlgorithm;
    const from = (wanted & 0x3f) * SUITES_PIECE;
    return [LAN_CHANNEL, ...list.slice(from, from + SUITES_PIECE)];
  });
};

/** 22.24. The host's driver asks for every channel in turn. */
const info = (channel: LanChannel): BmcCommand =>
  serve(getChannelInfo, USER_OR_HOST, 1, (data, caller) => {
    const number = numberOf(data, caller);
    if (number === LAN_CHANNEL) {
      const sessions = MANY_SESSIONS | channel.sessions.size;
      return [number, MEDIUM.lan, PROTOCOL.ipmb, sessions, ...IPMI_FORUM, 0, 0];
    }
    if (number === SYSTEM_INTERFACE)
      return [number, MEDIUM.system, PROTOCOL.kcs, 0, ...IPMI_FORUM, NO_INTERRUPT, NO_INTERRUPT];
    throw new Completion(COMPLETION.invalidField);
  });

/** 22.23. The settings that are kept and those in force are the same. */
const access = (): BmcCommand =>
  serve(getChannelAccess, USER_OR_HOST, 2, (data, caller) => {
    const which = data.u8(1) >> 6;
    if (numberOf(data, caller) !== LAN_CHANNEL || (which !== 1 && which !== 2))
      throw new Completion(COMPLETION.invalidField);
    return [flag(true, 5) | ALWAYS_AVAILABLE, LEVEL.administrator];
  });

export const channelCommands = (channel: LanChannel): readonly BmcCommand[] => [
  capabilities(channel),
  suites(channel),
  info(channel),
  access(),
];

const algorithms = ({ authentication, integrity, confidentiality }: CipherSuite): number[] => [
  authentication,
  0x40 | integrity,
  0x80 | confidentiality,
];

function numberOf(data: ByteView, caller: Caller): number {
  const number = data.u8(0) & 0x0f;
  if (number !== THIS_CHANNEL) return number;
  return caller.is === 'host' ? SYSTEM_INTERFACE : LAN_CHANNEL;
}
