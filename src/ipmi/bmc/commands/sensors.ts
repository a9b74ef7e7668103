import { getSensorReading } from '../../commands/get-sensor-reading.ts';
import { getSensorReadingFactors } from '../../commands/get-sensor-reading-factors.ts';
import { getSensorThresholds } from '../../commands/get-sensor-thresholds.ts';
import { encodeFactors } from '../../commands/reading-factors.ts';
import { setSensorThresholds } from '../../commands/set-sensor-thresholds.ts';
import { flag } from '../../wire/bits.ts';
import { NET_FN } from '../../wire/message.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import type { ServedSensor } from '../served-sensors.ts';
import { OPERATOR, serve, type Takes, USER, USER_OR_HOST } from './serve.ts';

/** Scanned, and sending no events of its own. */
const SCANNING = flag(true, 6);
const UNAVAILABLE = flag(true, 5);
/** Bits that are reserved, and sent as ones (IPMI 2.0, 35.14). */
const THRESHOLDS_RESERVED = 0xc0;
const STATES_RESERVED = 0x80;

/**
 * Sensors (IPMI 2.0, 35). They have neither thresholds nor hysteresis nor events of their own: whatever is about these is
 * refused with CDh, for each sensor alike.
 */
export function sensorCommands(sensors: readonly ServedSensor[]): readonly BmcCommand[] {
  const byNumber = new Map(sensors.map((sensor) => [sensor.record.number, sensor]));
  const find = (number: number): ServedSensor => {
    const found = byNumber.get(number);
    if (found === undefined) throw new Completion(COMPLETION.notThere);
    return found;
  };
  const sensor = (name: string, code: number) => ({ name, netFn: NET_FN.sensor, code });
  const notForThis = (command: Parameters<typeof serve>[0], takes: Takes, level = USER): BmcCommand =>
    serve(command, level, takes, (data) => {
      find(data.u8(0));
      throw new Completion(COMPLETION.notForThis);
    });
  return [
    serve(getSensorReading, USER_OR_HOST, 1, async (data, _caller, signal) => {
      const { read } = find(data.u8(0));
      if (read === undefined) throw new Completion(COMPLETION.notForThis);
      const now = await read(signal);
      if (now === undefined) return [0, SCANNING | UNAVAILABLE, 0, STATES_RESERVED];
      if ('raw' in now) return [now.raw, SCANNING, THRESHOLDS_RESERVED];
      return [0, SCANNING, now.states & 0xff, (now.states >> 8) | STATES_RESERVED];
    }),
    serve(getSensorReadingFactors, USER_OR_HOST, 2, (data) => {
      const { record } = find(data.u8(0));
      if (record.is !== 'full') throw new Completion(COMPLETION.notForThis);
      // The same for every reading.
      return [data.u8(1), ...encodeFactors(record.factors)];
    }),
    serve(sensor('Get Sensor Type', 0x2f), USER_OR_HOST, 1, (data) => {
      const { record } = find(data.u8(0));
      return [record.sensorType, record.eventType];
    }),
    serve(sensor('Get Sensor Event Enable', 0x29), USER_OR_HOST, 1, (data) => {
      find(data.u8(0));
      return [SCANNING];
    }),
    serve(sensor('Get Sensor Event Status', 0x2b), USER_OR_HOST, 1, (data) => {
      find(data.u8(0));
      return [SCANNING];
    }),
    notForThis(getSensorThresholds, 1),
    notForThis(setSensorThresholds, 8, OPERATOR),
    notForThis(sensor('Get Sensor Hysteresis', 0x25), 2),
    notForThis(sensor('Set Sensor Hysteresis', 0x24), 4, OPERATOR),
    notForThis(sensor('Set Sensor Event Enable', 0x28), [2, 6], OPERATOR),
    notForThis(sensor('Re-arm Sensor Events', 0x2a), [2, 6], OPERATOR),
  ];
}
