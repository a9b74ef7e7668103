import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type RawThresholds, THRESHOLDS, type Threshold } from './sensor-thresholds.ts';

/** IPMI 2.0, 35.9. */
export const getSensorThresholds: Command<{ readonly sensor: number }, RawThresholds> = {
  name: 'Get Sensor Thresholds',
  netFn: NET_FN.sensor,
  code: 0x27,
  level: 'user',
  repeatable: true,
  encode: ({ sensor }) => Uint8Array.of(within(sensor, 0, 0xff, 'the sensor number')),
  decode(data) {
    const mask = data.u8(0);
    const found: Partial<Record<Threshold, number>> = {};
    THRESHOLDS.forEach((name, n) => {
      if (bit(mask, n)) found[name] = data.u8(1 + n);
    });
    return found;
  },
};
