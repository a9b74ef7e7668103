import { concatBytes } from '../../base/index.ts';
import { type Command, within } from '../command.ts';
import { flag } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type BootOption, encodeBootOption } from './boot-option.ts';

/** IPMI 2.0, 28.12. */
export const setSystemBootOptions: Command<
  {
    readonly option: BootOption;
    /** Marks the parameter as invalid, or locked. */
    readonly invalid?: boolean;
  },
  void
> = {
  name: 'Set System Boot Options',
  netFn: NET_FN.chassis,
  code: 0x08,
  level: 'operator',
  repeatable: true,
  codes: {
    128: 'the BMC does not have this boot option',
    129: 'somebody else is setting boot options',
    130: 'this boot option cannot be written',
  },
  encode({ option, invalid }) {
    const { parameter, data } = encodeBootOption(option);
    const selector = within(parameter, 0, 0x7f, 'the parameter') | flag(invalid === true, 7);
    return concatBytes(Uint8Array.of(selector), data);
  },
  decode: () => undefined,
};
