import type { ResultOf } from '../protocol/index.ts';
import { clean, sensorState } from '../show/index.ts';
import type { SensorLine } from './host-wire.ts';

/** What the sensors say, for a page to show and draw. */
export function sensorLines({ sensors }: ResultOf<'sensor.read'>): readonly SensorLine[] {
  const names = new Set<string>();
  return sensors.flatMap((sensor) => {
    const name = clean(sensor.name);
    if (names.has(name)) return [];
    names.add(name);
    const { kind, unit, value, low, high, fault } = sensor;
    return [
      {
        name,
        kind: clean(kind),
        unit: clean(unit),
        state: sensorState(sensor),
        says: clean(fault ?? ''),
        ...(value === undefined ? {} : { value }),
        ...(low === undefined ? {} : { low }),
        ...(high === undefined ? {} : { high }),
      },
    ];
  });
}
