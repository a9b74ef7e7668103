import { type Duration, minutes } from '../../base/index.ts';
import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 28.14: how long the machine has been powered on in all its life. */
export const getPohCounter: Command<
  void,
  { readonly poweredOn: Duration; readonly minutesPerCount: number; readonly count: number }
> = {
  name: 'Get POH Counter',
  netFn: NET_FN.chassis,
  code: 0x0f,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode(data) {
    const [minutesPerCount, count] = [data.u8(0), data.u32le(1)];
    return { poweredOn: minutes(minutesPerCount * count), minutesPerCount, count };
  },
};
