import { type BmcSeconds, type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 33.17: the clock by which the repository's changes are dated; often the log's own. */
export const getSdrRepositoryTime: Command<void, BmcSeconds> = {
  name: 'Get SDR Repository Time',
  netFn: NET_FN.storage,
  code: 0x28,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: (data) => data.u32le(0),
};
