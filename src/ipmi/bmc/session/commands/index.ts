import { NET_FN } from '../../../wire/message.ts';
import type { BmcCommand } from '../../command.ts';
import type { LanChannel } from '../channel.ts';
import {
  getChannelAccess,
  getChannelAuthenticationCapabilities,
  getChannelCipherSuites,
  getChannelInfo,
} from './channel-commands.ts';
import { closeSession, getSessionInfo, setSessionPrivilegeLevel } from './session-commands.ts';
import { getUserAccess, getUserName } from './user-commands.ts';

/** IPMI 2.0, 22.14. Tools ask for it before a session, too. */
const getSystemGuid = ({ guid }: LanChannel): BmcCommand => ({
  name: 'Get System GUID',
  netFn: NET_FN.app,
  code: 0x37,
  from: { nobody: true, user: 'user', host: true },
  answer: () => guid,
});

/** The commands of a LAN channel, its users and its sessions. */
export const lanCommands = (channel: LanChannel): readonly BmcCommand[] => [
  getChannelAuthenticationCapabilities(channel),
  getChannelCipherSuites(channel),
  getChannelInfo(channel),
  getChannelAccess(),
  getUserAccess(channel),
  getUserName(channel),
  setSessionPrivilegeLevel(),
  closeSession(channel),
  getSessionInfo(channel),
  getSystemGuid(channel),
];
