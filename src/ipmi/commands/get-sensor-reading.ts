import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 35.14: as the sensor gives it; its SDR tells what it means. */
export interface RawReading {
  readonly raw: number;
  readonly eventsEnabled: boolean;
  readonly scanning: boolean;
  /** Being started or updated, or what it measures is not there: `raw` and `states` mean nothing. */
  readonly unavailable: boolean;
  /** States 0-14 of a discrete sensor; with thresholds, which of them are crossed (bits 0-5). */
  readonly states: number;
}

export const getSensorReading: Command<{ readonly sensor: number }, RawReading> = {
  name: 'Get Sensor Reading',
  netFn: NET_FN.sensor,
  code: 0x2d,
  level: 'user',
  repeatable: true,
  encode: ({ sensor }) => Uint8Array.of(within(sensor, 0, 0xff, 'the sensor number')),
  decode(data) {
    const flags = data.u8(1);
    const [low, high] = [data.length > 2 ? data.u8(2) : 0, data.length > 3 ? data.u8(3) & 0x7f : 0];
    return {
      raw: data.u8(0),
      eventsEnabled: bit(flags, 7),
      scanning: bit(flags, 6),
      unavailable: bit(flags, 5),
      states: low | (high << 8),
    };
  },
};
