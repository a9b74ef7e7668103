import { utf8 } from '../../../../base/index.ts';
import { getUserAccess, getUserName } from '../../../commands/index.ts';
import { LEVEL } from '../../../session/set-up.ts';
import { flag } from '../../../wire/bits.ts';
import { type BmcCommand, Completion } from '../../command.ts';
import { OPERATOR, serve } from '../../commands/serve.ts';
import { COMPLETION } from '../../dispatch.ts';
import { checkLanChannel } from '../../lan-channel.ts';
import { LONGEST_NAME } from '../account.ts';
import type { LanChannel } from '../channel.ts';

const ENABLED = 0x40;
const DISABLED = 0x80;
const NO_ACCESS = 0x0f;

/** IPMI 2.0, 22.27. Users are set up at the machine, never over IPMI: Set User Access, Name and Password are not known here. */
const access = ({ accounts }: LanChannel): BmcCommand =>
  serve(getUserAccess, OPERATOR, 2, (data) => {
    checkLanChannel(data.u8(0));
    const id = userId(data.u8(1) & 0x3f, accounts.mostUsers);
    const account = accounts.withId(id);
    const limit = account === undefined ? NO_ACCESS : flag(true, 4) | LEVEL[account.level];
    const status = account === undefined ? DISABLED : ENABLED;
    // All names are fixed, that of user 1 among them.
    return [accounts.mostUsers, status | accounts.all.length, accounts.all.length + 1, limit];
  });

/** 22.29. */
const name = ({ accounts }: LanChannel): BmcCommand =>
  serve(getUserName, OPERATOR, 1, (data) => {
    const account = accounts.withId(userId(data.u8(0) & 0x3f, accounts.mostUsers));
    const padded = new Uint8Array(LONGEST_NAME);
    if (account !== undefined) padded.set(utf8(account.name));
    return padded;
  });

export const userCommands = (channel: LanChannel): readonly BmcCommand[] => [access(channel), name(channel)];

function userId(id: number, most: number): number {
  if (id === 0 || id > most) throw new Completion(COMPLETION.invalidField);
  return id;
}
