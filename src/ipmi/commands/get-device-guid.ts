import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { decodeGuid, type Guid } from './guid.ts';

/** IPMI 2.0, 20.8: of the BMC itself. */
export const getDeviceGuid: Command<void, Guid> = {
  name: 'Get Device GUID',
  netFn: NET_FN.app,
  code: 0x08,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode: decodeGuid,
};
