import { utf8 } from '../../../../base/index.ts';
import { LEVEL } from '../../../session/set-up.ts';
import { flag } from '../../../wire/bits.ts';
import { NET_FN } from '../../../wire/message.ts';
import { type BmcCommand, Completion } from '../../command.ts';
import { COMPLETION } from '../../dispatch.ts';
import { LONGEST_NAME } from '../account.ts';
import type { LanChannel } from '../channel.ts';
import { theLan } from './channel-commands.ts';

const ENABLED = 0x40;
const DISABLED = 0x80;
const NO_ACCESS = 0x0f;

/** IPMI 2.0, 22.27. Users are set up at the machine, never over IPMI: Set User Access, Name and Password are not known here. */
export const getUserAccess = ({ accounts }: LanChannel): BmcCommand => ({
  name: 'Get User Access',
  netFn: NET_FN.app,
  code: 0x44,
  from: { user: 'operator' },
  answer(data) {
    theLan(data.u8(0) & 0x0f);
    const id = userId(data.u8(1) & 0x3f, accounts.mostUsers);
    const account = accounts.withId(id);
    const access = account === undefined ? NO_ACCESS : flag(true, 4) | LEVEL[account.level];
    const status = account === undefined ? DISABLED : ENABLED;
    // All names are fixed, that of user 1 among them.
    return Uint8Array.of(accounts.mostUsers, status | accounts.all.length, accounts.all.length + 1, access);
  },
});

/** 22.29. */
export const getUserName = ({ accounts }: LanChannel): BmcCommand => ({
  name: 'Get User Name',
  netFn: NET_FN.app,
  code: 0x46,
  from: { user: 'operator' },
  answer(data) {
    const account = accounts.withId(userId(data.u8(0) & 0x3f, accounts.mostUsers));
    const name = new Uint8Array(LONGEST_NAME);
    if (account !== undefined) name.set(utf8(account.name));
    return name;
  },
});

function userId(id: number, most: number): number {
  if (id === 0 || id > most) throw new Completion(COMPLETION.invalidField);
  return id;
}
