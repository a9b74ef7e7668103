import type { SensorLine, SensorNews } from '../src/web/host-wire.ts';

/** Readings that are kept: four hours of one every ten seconds. */
export const MOST_READINGS = 1440;
/** After a silence longer than this there is a gap in the line. */
const SILENCE_SECONDS = 26;

interface Reading {
  /** Seconds since 1970. */
  readonly at: number;
  readonly values: ReadonlyMap<string, number>;
}

/** What the sensors of a host have said while somebody looked. */
export interface SensorHistory {
  readonly readings: readonly Reading[];
  readonly latest: SensorNews | undefined;
}

export const NO_READINGS: SensorHistory = { readings: [], latest: undefined };

/** The history with one reading more; a reading that gave nothing is one without values. */
export function withReading({ readings }: SensorHistory, news: SensorNews): SensorHistory {
  const values = new Map(
    news.sensors.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const])),
  );
  // Clocks may go back; lines may not.
  const before = readings.filter(({ at }) => at < news.at);
  return { readings: [...before, { at: news.at, values }].slice(-MOST_READINGS), latest: news };
}

/** Sensors that are drawn together, in one unit that people read. */
export interface Plot {
  readonly unit: string;
  readonly sensors: readonly SensorLine[];
  /** Of the sensor's unit, in one of the plot's. */
  readonly per: number;
}

const READABLE: Readonly<Record<string, readonly [unit: string, per: number]>> = {
  'm°C': ['°C', 1000],
  mV: ['V', 1000],
};
/** Drawn as lines: what is measured. A switch that is on or off is told in the table. */
const DRAWN = /^(temperature|voltage|fan)$/;
export const LINES_A_PLOT = 8;

export function readable(unit: string): { readonly unit: string; readonly per: number } {
  const [known, per] = (Object.hasOwn(READABLE, unit) ? READABLE[unit] : undefined) ?? [unit, 1];
  return { unit: known, per };
}

/** A value as people read it: "31.2 °C". */
export function valueText(value: number | undefined, unit: string): string {
  if (value === undefined) return '-';
  const { unit: known, per } = readable(unit);
  const digits = per === 1 ? String(value) : (value / per).toFixed(per === 1000 ? 2 : 0);
  return known === 'state' ? (value === 0 ? 'off (0)' : `on (${value})`) : `${digits} ${known}`;
}

/** Which plots there are: one a unit, with so many lines at most; what is beyond stands in the table alone. */
export function plotsOf(sensors: readonly SensorLine[]): readonly Plot[] {
  const byUnit = new Map<string, SensorLine[]>();
  for (const sensor of sensors) {
    if (!DRAWN.test(sensor.kind)) continue;
    const beside = byUnit.get(sensor.unit);
    if (beside === undefined) byUnit.set(sensor.unit, [sensor]);
    else if (beside.length < LINES_A_PLOT) beside.push(sensor);
  }
  return [...byUnit].map(([unit, members]) => ({ ...readable(unit), sensors: members }));
}

/** Columns for drawing: times, and a line for each sensor. Where there was no reading, and over a silence, a line is broken. */
export function columnsOf(
  { readings }: SensorHistory,
  { sensors, per }: Plot,
): [number[], ...(number | null)[][]] {
  const times: number[] = [];
  const lines = sensors.map((): (number | null)[] => []);
  let last: number | undefined;
  for (const { at, values } of readings) {
    if (last !== undefined && at - last > SILENCE_SECONDS) {
      times.push((at + last) / 2);
      for (const line of lines) line.push(null);
    }
    last = at;
    times.push(at);
    for (const [i, { name }] of sensors.entries()) {
      const value = values.get(name);
      lines[i]?.push(value === undefined ? null : value / per);
    }
  }
  return [times, ...lines];
}
