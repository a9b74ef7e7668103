import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { decodeFactors, type Factors } from './reading-factors.ts';

/** IPMI 2.0, 35.5: for a sensor whose factors change over its range. */
export const getSensorReadingFactors: Command<
  { readonly sensor: number; readonly raw: number },
  {
    /** From this reading on other factors hold. */
    readonly next: number;
    readonly factors: Factors;
  }
> = {
  name: 'Get Sensor Reading Factors',
  netFn: NET_FN.sensor,
  code: 0x23,
  level: 'user',
  repeatable: true,
  encode: ({ sensor, raw }) =>
    Uint8Array.of(within(sensor, 0, 0xff, 'the sensor number'), within(raw, 0, 0xff, 'the reading')),
  decode: (data) => ({ next: data.u8(0), factors: decodeFactors(data, 1) }),
};
