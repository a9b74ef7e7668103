import { allow, seconds } from '../../base/index.ts';
import type { TaskKind } from '../task.ts';

/** What the board's sensors say now. Changes nothing, waits behind no task, and a board without sensors answers too. */
export const sensorRead: TaskKind<'sensor.read'> = {
  verb: 'sensor.read',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
  async run(_order, { services: { io, clock }, signal }) {
    if (io === undefined) return allow({ sensors: [], left: 0 });
    const { readSensors } = await import('./read-sensors.ts');
    return allow(await readSensors(io, clock, signal));
  },
};
