import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';
import { encodeSolParameter, type SolParameter } from './sol-parameter.ts';

export interface SolParameterSetting {
  readonly value: SolParameter;
  readonly channel?: ChannelNumber;
}

/** IPMI 2.0, 26.2. */
export const setSolConfigurationParameters: Command<SolParameterSetting, void> = {
  name: 'Set SOL Configuration Parameters',
  netFn: NET_FN.transport,
  code: 0x21,
  level: 'administrator',
  repeatable: true,
  codes: {
    128: 'the BMC does not have this SOL parameter',
    129: 'somebody else is setting parameters',
    130: 'the parameter can only be read',
  },
  encode({ value, channel = THIS_CHANNEL }) {
    const [parameter, data] = encodeSolParameter(value);
    return Uint8Array.of(within(channel, 0, 0x0f, 'the channel'), parameter, ...data);
  },
  decode: () => undefined,
};
