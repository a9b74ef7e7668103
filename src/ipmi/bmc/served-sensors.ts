import type { Channel, ChannelKind, PowerReading } from '../../ports/index.ts';
import { unconvert } from '../sdr/convert.ts';
import { LONGEST_SENSOR_NAME } from '../sdr/encode.ts';
import type { CompactSensor, EventOnlySensor, FullSensor, Sensor } from '../sdr/record.ts';
import { BMC_ADDRESS } from '../wire/message.ts';
import type { BmcMachine, BmcSensors } from './machine.ts';
import { FIRST_OWN_SENSOR, OWN_SENSORS, type OwnSensor } from './own-sensors.ts';
import { factorsFor } from './scale.ts';
import { acpiOffset } from './sel-events.ts';

/** What Get Sensor Reading says of a sensor: a count or states; undefined where there is none now. */
export type Served = { readonly raw: number } | { readonly states: number } | undefined;

export interface ServedSensor {
  readonly record:
    | Omit<FullSensor, 'record'>
    | Omit<CompactSensor, 'record'>
    | Omit<EventOnlySensor, 'record'>;
  /** Of a discrete sensor: the states that it can be in, one bit each. */
  readonly states: number;
  /** Absent where the sensor only has events. */
  readonly read?: (signal: AbortSignal) => Promise<Served>;
}

interface Measure {
  readonly sensorType: number;
  readonly entity: number;
  readonly unit: string;
  /** Of the channel's unit, in one of the sensor's. */
  readonly per: number;
  /** What it covers where the board does not say. */
  readonly range: { readonly least: number; readonly most: number };
}

const SYSTEM_BOARD = 7;
const BMC_FIRMWARE = 0x2e;
const FAN = 29;
const MEASURES: Readonly<Partial<Record<ChannelKind, Measure>>> = {
  temperature: {
    sensorType: 0x01,
    entity: SYSTEM_BOARD,
    unit: 'degrees C',
    per: 1000,
    range: { least: -40, most: 125 },
  },
  voltage: {
    sensorType: 0x02,
    entity: SYSTEM_BOARD,
    unit: 'Volts',
    per: 1000,
    range: { least: 0, most: 16 },
  },
  fan: { sensorType: 0x04, entity: FAN, unit: 'RPM', per: 1, range: { least: 0, most: 25_500 } },
};
/** Discrete channels say "state asserted" where they are not 0. */
const SWITCHES: Readonly<Partial<Record<ChannelKind, number>>> = { gpio: 0x15, led: 0x15, watchdog: 0x23 };
const THRESHOLD_EVENTS = 0x01;
const DIGITAL = 0x03;
const [DEASSERTED, ASSERTED] = [0b01, 0b10];
const [DISABLED, ENABLED] = [0b01, 0b10];
const TIMER_EXPIRED = 0b01;

export interface OwnReadings {
  /** Whether the host's watchdog has run out since its flags were last cleared. */
  readonly watchdogExpired: () => boolean;
}

/** The sensors of a machine: its enrolled channels with the numbers 1 and up, then the BMC's own. */
export function servedSensors(machine: BmcMachine, own: OwnReadings): readonly ServedSensor[] {
  const names = new Set<string>();
  const served: ServedSensor[] = [];
  for (const channel of machine.sensors.channels) {
    const number = served.length + 1;
    if (!channel.readable || number >= FIRST_OWN_SENSOR) continue;
    const sensor = channelSensor(machine.sensors, channel, number, unique(channel.name, names));
    if (sensor !== undefined) served.push(sensor);
  }
  return [...served, ...ownSensors(machine, own)];
}

function channelSensor(
  sensors: BmcSensors,
  channel: Channel,
  number: number,
  name: string,
): ServedSensor | undefined {
  const measure = MEASURES[channel.kind];
  if (measure !== undefined) return analog(sensors, channel, measure, number, name);
  const sensorType = SWITCHES[channel.kind];
  if (sensorType === undefined) return undefined;
  return {
    record: discrete(number, name, SYSTEM_BOARD, sensorType, DIGITAL),
    states: DEASSERTED | ASSERTED,
    async read(signal) {
      const value = await readNow(sensors, channel, signal);
      return value === undefined ? undefined : { states: value === 0 ? DEASSERTED : ASSERTED };
    },
  };
}

function analog(
  sensors: BmcSensors,
  channel: Channel,
  measure: Measure,
  number: number,
  name: string,
): ServedSensor {
  const { per, range } = measure;
  const [least, most] = [
    channel.minimum === undefined ? range.least : channel.minimum / per,
    channel.maximum === undefined ? range.most : channel.maximum / per,
  ];
  const record = {
    is: 'full',
    ...sensor(number, name, measure.entity, measure.sensorType, THRESHOLD_EVENTS),
    unit: measure.unit,
    format: 'unsigned',
    linearisation: 0,
    factors: factorsFor(least, Math.max(least, most)),
    nominal: undefined,
    normalMost: undefined,
    normalLeast: undefined,
    most: 0xff,
    least: 0,
    readable: [],
    settable: [],
    hysteresis: { positive: 0, negative: 0 },
  } as const;
  return {
    record,
    states: 0,
    async read(signal) {
      const value = await readNow(sensors, channel, signal);
      if (value === undefined) return undefined;
      // Beyond its range the sensor stays at its end, as one with a needle does.
      return { raw: unconvert(record, value / per) ?? (value / per < least ? 0 : 0xff) };
    },
  };
}

/** A channel that fails is one that does not answer: the answer says so. */
async function readNow(
  sensors: BmcSensors,
  { name }: Channel,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    return await sensors.read(name, signal);
  } catch {
    return undefined;
  }
}

function ownSensors(machine: BmcMachine, own: OwnReadings): readonly ServedSensor[] {
  const { chassis } = machine;
  const power = async (signal: AbortSignal): Promise<Served> => ({
    states: 1 << acpiOffset(await chassis.power(signal)),
  });
  const locked = async (): Promise<Served> => ({
    states: chassis.locked() === undefined ? ENABLED : DISABLED,
  });
  const watchdog = async (): Promise<Served> => ({ states: own.watchdogExpired() ? TIMER_EXPIRED : 0 });
  const reads = { hostPower: power, machine: locked, watchdog } as const;
  const states = { hostPower: ACPI_STATES, machine: DISABLED | ENABLED, watchdog: TIMER_EXPIRED } as const;
  return (Object.keys(OWN_SENSORS) as OwnSensor[]).map((key): ServedSensor => {
    const { number, name, sensorType, eventType } = OWN_SENSORS[key];
    const record = discrete(number, name, BMC_FIRMWARE, sensorType, eventType);
    if (key === 'hostPower' || key === 'machine' || key === 'watchdog')
      return { record, states: states[key], read: reads[key] };
    const { unit: _unit, ...rest } = record;
    return { record: { ...rest, is: 'event-only' }, states: 0 };
  });
}

/** S0, S3, S4, S5, G3 and unknown. */
const ACPI_STATES = (['S0', 'S3', 'S4', 'S5', 'G3', 'unknown'] as const)
  .map((state): PowerReading => ({ state, certain: state !== 'unknown', sources: {}, fusion: 'agreed' }))
  .reduce((mask, reading) => mask | (1 << acpiOffset(reading)), 0);

const discrete = (
  number: number,
  name: string,
  entity: number,
  sensorType: number,
  eventType: number,
): Omit<CompactSensor, 'record'> => ({
  is: 'compact',
  ...sensor(number, name, entity, sensorType, eventType),
  unit: '',
  sharing: { count: 1, first: 0, letters: false, instancesCountToo: false },
});

const sensor = (
  number: number,
  name: string,
  entity: number,
  sensorType: number,
  eventType: number,
): Omit<Sensor, 'record'> => ({
  owner: BMC_ADDRESS,
  channel: 0,
  lun: 0,
  number,
  entity: { id: entity, instance: 1, logical: false },
  sensorType,
  eventType,
  name,
});

/** As much of the name as a record has room for, in its characters, and no other sensor has. */
function unique(name: string, taken: Set<string>): string {
  const plain = name.replace(/[^\x20-\x7e]/g, '?');
  let found = plain.slice(0, LONGEST_SENSOR_NAME);
  for (let n = 2; taken.has(found); n += 1) {
    found = `${plain.slice(0, LONGEST_SENSOR_NAME - 1 - String(n).length)}~${n}`;
  }
  taken.add(found);
  return found;
}
