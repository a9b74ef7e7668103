import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { decodeGuid, type Guid } from './guid.ts';

/** IPMI 2.0, 22.14: of the machine. */
export const getSystemGuid: Command<void, Guid> = {
  name: 'Get System GUID',
  netFn: NET_FN.app,
  code: 0x37,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: decodeGuid,
};
