import { concatBytes } from '../base/index.ts';
import { type Carrier, runCommand } from './command.ts';
import { type ChannelNumber, THIS_CHANNEL } from './commands/channel.ts';
import {
  decodeCipherSuites,
  getChannelCipherSuites,
  MOST_SUITE_PIECES,
  type OfferedSuite,
  SUITES_PIECE,
} from './commands/get-channel-cipher-suites.ts';
import { getLanConfigurationParameters } from './commands/get-lan-configuration-parameters.ts';
import { getUserAccess, type UserAccess } from './commands/get-user-access.ts';
import { getUserName } from './commands/get-user-name.ts';
import { LAN_PARAMETER, type LanParameter } from './commands/lan-parameter.ts';
import { IpmiCompletion } from './faults.ts';

export type LanParameterName = keyof typeof LAN_PARAMETER;
export type LanConfiguration = Readonly<Partial<Record<LanParameterName, LanParameter>>>;

const NAMES = Object.keys(LAN_PARAMETER) as LanParameterName[];

/** The LAN parameters that this BMC has. */
export async function readLan(
  carrier: Carrier,
  channel: ChannelNumber,
  signal: AbortSignal,
): Promise<LanConfiguration> {
  const found: Partial<Record<LanParameterName, LanParameter>> = {};
  for (const name of NAMES) {
    const wanted = { parameter: LAN_PARAMETER[name], channel };
    const parameter = await unlessRefused(runCommand(carrier, getLanConfigurationParameters, wanted, signal));
    if (parameter !== undefined) found[name] = parameter;
  }
  return found;
}

export interface User {
  readonly id: number;
  readonly name: string;
  readonly access: UserAccess;
}

/** The users that have a name, or rights on this channel. */
export async function readUsers(
  carrier: Carrier,
  channel: ChannelNumber,
  signal: AbortSignal,
): Promise<readonly User[]> {
  const users: User[] = [];
  for (let id = 1, most = 1; id <= most; id += 1) {
    const access = await unlessRefused(runCommand(carrier, getUserAccess, { user: id, channel }, signal));
    if (access === undefined) continue;
    most = access.mostUsers;
    const name = (await unlessRefused(runCommand(carrier, getUserName, { user: id }, signal))) ?? '';
    if (name !== '' || access.limit !== 'none') users.push({ id, name, access });
  }
  return users;
}

/** What a channel offers; told without protection where it is asked before a session. */
export async function readCipherSuites(
  carrier: Carrier,
  signal: AbortSignal,
  channel: ChannelNumber = THIS_CHANNEL,
): Promise<readonly OfferedSuite[]> {
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < MOST_SUITE_PIECES; index += 1) {
    const piece = await runCommand(carrier, getChannelCipherSuites, { index, channel }, signal);
    pieces.push(piece);
    if (piece.byteLength < SUITES_PIECE) break;
  }
  return decodeCipherSuites(concatBytes(...pieces));
}

async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof IpmiCompletion) return undefined;
    throw error;
  }
}
