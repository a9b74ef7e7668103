import type { ResultOf } from '../protocol/index.ts';
import { counted, table } from './text.ts';

type Sensor = ResultOf<'sensor.read'>['sensors'][number];

/** How a reading stands to what the board calls well. */
export type SensorState = 'well' | 'low' | 'high' | 'no limits' | 'no reading';

export function sensorState({ value, low, high }: Omit<Sensor, 'name' | 'kind' | 'unit'>): SensorState {
  if (value === undefined) return 'no reading';
  if (low !== undefined && value < low) return 'low';
  if (high !== undefined && value > high) return 'high';
  return low === undefined && high === undefined ? 'no limits' : 'well';
}

const STATES: Readonly<Record<SensorState, string>> = {
  well: 'well',
  low: 'TOO LOW',
  high: 'TOO HIGH',
  'no limits': '',
  'no reading': 'NO READING',
};

function limits({ low, high }: Sensor): string {
  if (low === undefined && high === undefined) return '';
  return `${low ?? ''}..${high ?? ''}`;
}

/** The sensors of a host, one a line. */
export function showSensors({ sensors, left }: ResultOf<'sensor.read'>): string[] {
  if (sensors.length === 0) return ['this board has no sensors'];
  return [
    counted(sensors.length, 'sensor'),
    ...table(
      sensors.map((each) => [
        each.name,
        each.value === undefined ? '-' : String(each.value),
        each.unit,
        limits(each),
        `${STATES[sensorState(each)]}${each.fault === undefined ? '' : `: ${each.fault}`}`,
      ]),
      [1],
    ),
    ...(left === 0 ? [] : [`and ${counted(left, 'sensor')} more that the answer had no room for`]),
  ];
}
