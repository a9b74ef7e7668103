import { type Command, within } from '../command.ts';
import { flag } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type RawThresholds, THRESHOLDS } from './sensor-thresholds.ts';

/** IPMI 2.0, 35.8. Thresholds that are left out stay as they are. */
export const setSensorThresholds: Command<
  { readonly sensor: number; readonly thresholds: RawThresholds },
  void
> = {
  name: 'Set Sensor Thresholds',
  netFn: NET_FN.sensor,
  code: 0x26,
  level: 'operator',
  repeatable: true,
  encode({ sensor, thresholds }) {
    const mask = THRESHOLDS.reduce((byte, name, n) => byte | flag(thresholds[name] !== undefined, n), 0);
    const values = THRESHOLDS.map((name) => within(thresholds[name] ?? 0, 0, 0xff, `the threshold ${name}`));
    return Uint8Array.of(within(sensor, 0, 0xff, 'the sensor number'), mask, ...values);
  },
  decode: () => undefined,
};
