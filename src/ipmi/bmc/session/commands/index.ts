import type { BmcCommand } from '../../command.ts';
import type { LanChannel } from '../channel.ts';
import { channelCommands } from './channel-commands.ts';
import { sessionCommands } from './session-commands.ts';
import { userCommands } from './user-commands.ts';

/** The commands of a LAN channel, its users and its sessions. */
export const lanCommands = (channel: LanChannel): readonly BmcCommand[] => [
  ...channelCommands(channel),
  ...userCommands(channel),
  ...sessionCommands(channel),
];
