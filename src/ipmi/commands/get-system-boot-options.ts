import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type BootOption, decodeBootOption } from './boot-option.ts';

export interface BootOptionWanted {
  /** BOOT_PARAMETER, or one of the maker. */
  readonly parameter: number;
  readonly set?: number;
  readonly block?: number;
}

/** IPMI 2.0, 28.13. */
export const getSystemBootOptions: Command<
  BootOptionWanted,
  {
    /** Marked as invalid, or locked. */
    readonly invalid: boolean;
    readonly option: BootOption;
  }
> = {
  name: 'Get System Boot Options',
  netFn: NET_FN.chassis,
  code: 0x09,
  level: 'operator',
  repeatable: true,
  codes: { 128: 'the BMC does not have this boot option' },
  encode: ({ parameter, set = 0, block = 0 }) =>
    Uint8Array.of(
      within(parameter, 0, 0x7f, 'the parameter'),
      within(set, 0, 0xff, 'the set'),
      within(block, 0, 0xff, 'the block'),
    ),
  decode(data) {
    const parameter = data.u8(1);
    const option = decodeBootOption(parameter & 0x7f, data.slice(2, data.length - 2));
    return { invalid: bit(parameter, 7), option };
  },
};
