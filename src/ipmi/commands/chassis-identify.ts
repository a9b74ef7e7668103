import { type Duration, seconds } from '../../base/index.ts';
import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** For a time of whole seconds up to 255, until told otherwise, or not at all. */
export type Identify = Duration | 'on' | 'off';

export const DEFAULT_IDENTIFY: Duration = seconds(15);

/** IPMI 2.0, 28.5: the lamp, or whatever else the machine shows itself by. */
export const chassisIdentify: Command<Identify, void> = {
  name: 'Chassis Identify',
  netFn: NET_FN.chassis,
  code: 0x04,
  level: 'operator',
  repeatable: true,
  encode(identify) {
    if (identify === 'on') return Uint8Array.of(0, 1);
    if (identify === 'off') return Uint8Array.of(0);
    // Not every BMC takes the second byte: it is sent only where it says something.
    return Uint8Array.of(within(Math.round(identify / 1000), 1, 0xff, 'the time in seconds'));
  },
  decode: () => undefined,
};
