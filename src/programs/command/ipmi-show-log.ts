import { toHex } from '../../base/index.ts';
import {
  type AnySensor,
  type commands,
  convert,
  type Reading,
  type SdrRecord,
  type SelRecord,
  type SensorNow,
  sensorTypeName,
} from '../../ipmi/index.ts';
import { table } from '../../show/index.ts';
import { bmcTime, hex } from './ipmi-show.ts';

/** "1 | time | who | what | Asserted", as the field's tools have it. */
export const showSel = (records: readonly SelRecord[], sdr: readonly SdrRecord[] = []): string[] =>
  records.length === 0 ? ['SEL has no entries'] : table(records.map((record) => selRow(record, sdr)));

function selRow(record: SelRecord, sdr: readonly SdrRecord[]): string[] {
  const id = record.id.toString(16).padStart(4);
  if (record.is === 'oem') return [id, '', `OEM record ${hex(record.type)}`, toHex(record.data)];
  if (record.is === 'oem-timed') {
    return [
      id,
      bmcTime(record.time.seconds),
      `OEM record ${hex(record.type)} of ${record.manufacturer}`,
      toHex(record.data),
    ];
  }
  const name = sdr.flatMap((each) =>
    'number' in each && each.number === record.sensor ? [each.name] : [],
  )[0];
  const type = sensorTypeName(record.sensorType);
  const what = record.sentence.startsWith(`${type}: `)
    ? record.sentence.slice(type.length + 2)
    : record.sentence;
  return [
    id,
    bmcTime(record.time.seconds),
    `${type} ${name ?? `#${hex(record.sensor)}`}`,
    what,
    record.asserted ? 'Asserted' : 'Deasserted',
  ];
}

const SEVERITY = { ok: 'ok', 'non-critical': 'nc', critical: 'cr', 'non-recoverable': 'nr' } as const;
const WHY: Readonly<Record<Extract<Reading, { is: 'none' }>['why'], string>> = {
  unavailable: 'no reading',
  'scanning-off': 'disabled',
  'event-only': 'event-only',
  elsewhere: 'of another controller',
  refused: 'refused',
};

/** At most three places, and no zeros behind them. */
const number = (value: number): string => String(Number(value.toFixed(3)));

function readingCells(reading: Reading): [value: string, status: string] {
  if (reading.is === 'value')
    return [`${number(reading.value)} ${reading.unit}`.trimEnd(), SEVERITY[reading.severity]];
  if (reading.is === 'states') {
    return [`${hex(reading.bits, 4)} ${reading.states.join(', ')}`.trimEnd(), SEVERITY[reading.severity]];
  }
  return [WHY[reading.why], 'ns'];
}

/** Name, reading, status. */
export const showReadings = (sensors: readonly SensorNow[]): string[] =>
  sensors.length === 0
    ? ['no sensors']
    : table(sensors.map(({ sensor, reading }) => [sensor.name, ...readingCells(reading)]));

export interface SensorWithThresholds extends SensorNow {
  /** In the sensor's unit; undefined where it has none that can be read. */
  readonly thresholds: Readonly<Partial<Record<commands.Threshold, number>>> | undefined;
}

const COLUMNS = [
  ['lowerNonRecoverable', 'lnr'],
  ['lowerCritical', 'lcr'],
  ['lowerNonCritical', 'lnc'],
  ['upperNonCritical', 'unc'],
  ['upperCritical', 'ucr'],
  ['upperNonRecoverable', 'unr'],
] as const;

export const showSensors = (sensors: readonly SensorWithThresholds[]): string[] =>
  sensors.length === 0
    ? ['no sensors']
    : table([
        ['Sensor', 'Type', 'Reading', 'Status', ...COLUMNS.map(([, label]) => label)],
        ...sensors.map(({ sensor, reading, thresholds }) => [
          sensor.name,
          sensorTypeName(sensor.sensorType),
          ...readingCells(reading),
          ...COLUMNS.map(([name]) => {
            const value = thresholds?.[name];
            return value === undefined ? 'na' : number(value);
          }),
        ]),
      ]);

/** Raw thresholds in the sensor's own unit. */
export function inUnits(
  sensor: AnySensor,
  raw: commands.RawThresholds,
): Readonly<Partial<Record<commands.Threshold, number>>> {
  if (sensor.is !== 'full') return {};
  const found: Partial<Record<commands.Threshold, number>> = {};
  for (const [name] of COLUMNS) {
    const value = raw[name] === undefined ? undefined : convert(sensor, raw[name]);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Every record of the repository, also those of no sensor. */
export const showSdr = (records: readonly SdrRecord[], readings: readonly SensorNow[]): string[] => {
  const others = records.filter((record) => !['full', 'compact', 'event-only'].includes(record.is));
  return [
    ...showReadings(readings),
    ...table(
      others.map((record) => [
        'name' in record ? record.name : `record ${hex(record.record, 4)}`,
        record.is === 'mc-locator'
          ? `Static MC @ ${hex(record.address)}`
          : record.is === 'fru-locator'
            ? `${record.logical ? 'Logical' : 'Physical'} FRU @ ${hex(record.device)}`
            : record.is,
        'ok',
      ]),
    ),
  ];
};
