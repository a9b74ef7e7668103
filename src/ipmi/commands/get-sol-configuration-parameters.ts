import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';
import { decodeSolParameter, type SolParameter } from './sol-parameter.ts';

export interface SolParameterWanted {
  /** SOL_PARAMETER, or one of the maker. */
  readonly parameter: number;
  readonly channel?: ChannelNumber;
  readonly set?: number;
  readonly block?: number;
}

/** IPMI 2.0, 26.3. */
export const getSolConfigurationParameters: Command<SolParameterWanted, SolParameter> = {
  name: 'Get SOL Configuration Parameters',
  netFn: NET_FN.transport,
  code: 0x22,
  level: 'user',
  repeatable: true,
  codes: { 128: 'the BMC does not have this SOL parameter' },
  encode: ({ channel = THIS_CHANNEL, parameter, set = 0, block = 0 }) =>
    Uint8Array.of(
      within(channel, 0, 0x0f, 'the channel'),
      within(parameter, 0, 0xff, 'the parameter'),
      within(set, 0, 0xff, 'the set'),
      within(block, 0, 0xff, 'the block'),
    ),
  decode(data, { parameter }) {
    // The first byte is the parameter's revision.
    data.u8(0);
    return decodeSolParameter(parameter, data.slice(1, data.length - 1));
  },
};
