import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';
import { decodeLanParameter, type LanParameter } from './lan-parameter.ts';

export interface LanParameterWanted {
  /** LAN_PARAMETER, or one of the maker. */
  readonly parameter: number;
  readonly channel?: ChannelNumber;
  readonly set?: number;
  readonly block?: number;
}

/** IPMI 2.0, 23.2. */
export const getLanConfigurationParameters: Command<LanParameterWanted, LanParameter> = {
  name: 'Get LAN Configuration Parameters',
  netFn: NET_FN.transport,
  code: 0x02,
  level: 'operator',
  repeatable: true,
  codes: { 128: 'the BMC does not have this LAN parameter' },
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
    return decodeLanParameter(parameter, data.slice(1, data.length - 1));
  },
};
