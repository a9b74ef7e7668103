import { type Duration, milliseconds, NsError } from '../../base/index.ts';
import type { BmcSeconds, Command } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** DCMI 1.5, 6.6.1. */
export interface PowerReading {
  readonly watts: number;
  readonly leastWatts: number;
  readonly mostWatts: number;
  readonly averageWatts: number;
  readonly at: BmcSeconds;
  /** Over which least, most and average were taken. */
  readonly period: Duration;
  /** False: the machine does not measure now, and the figures mean nothing. */
  readonly active: boolean;
}

const DCMI = 0xdc;
const SYSTEM_POWER = 0x01;

export const dcmiGetPowerReading: Command<void, PowerReading> = {
  name: 'DCMI Get Power Reading',
  netFn: NET_FN.group,
  code: 0x02,
  level: 'user',
  repeatable: true,
  encode: () => Uint8Array.of(DCMI, SYSTEM_POWER, 0, 0),
  decode(data) {
    if (data.u8(0) !== DCMI) {
      throw new NsError('NS_IPMI_MESSAGE', 'DCMI Get Power Reading: answered for another body', {
        family: 'peer',
      });
    }
    return {
      watts: data.u16le(1),
      leastWatts: data.u16le(3),
      mostWatts: data.u16le(5),
      averageWatts: data.u16le(7),
      at: data.u32le(9),
      period: milliseconds(data.u32le(13)),
      active: bit(data.u8(17), 6),
    };
  },
};
