import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { MOST_USERS } from './get-user-access.ts';

const SIZE = 16;

/** IPMI 2.0, 22.29. User 1 is the one without a name. */
export const getUserName: Command<{ readonly user: number }, string> = {
  name: 'Get User Name',
  netFn: NET_FN.app,
  code: 0x46,
  level: 'operator',
  repeatable: true,
  encode: ({ user }) => Uint8Array.of(within(user, 1, MOST_USERS, 'the user id')),
  decode(data) {
    data.u8(0);
    return data.ascii(0, Math.min(SIZE, data.length));
  },
};
