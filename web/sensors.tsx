import type { SensorLine } from '../src/web/host-wire.ts';
import { plotsOf, type SensorHistory, valueText } from './sensor-history.ts';
import { colourOf, dashOf, SensorPlot } from './sensor-plot.tsx';
import { momentText } from './words.ts';

const STATES: Readonly<Record<SensorLine['state'], readonly [mark: string, tone: string]>> = {
  well: ['✓ well', 'good'],
  low: ['✕ TOO LOW', 'bad'],
  high: ['✕ TOO HIGH', 'bad'],
  'no limits': ['no limits known', 'soft'],
  'no reading': ['? NO READING', 'warn'],
};

function limitsText({ low, high, unit }: SensorLine): string {
  if (low === undefined && high === undefined) return '';
  const end = (value: number | undefined): string => (value === undefined ? '' : valueText(value, unit));
  if (low === undefined) return `up to ${end(high)}`;
  return high === undefined ? `from ${end(low)}` : `${end(low)} to ${end(high)}`;
}

/** How a sensor's line looks. */
function Sample({ place }: { readonly place: number }) {
  return (
    <svg width="34" height="10" aria-hidden="true">
      <line
        x1="0"
        y1="5"
        x2="34"
        y2="5"
        stroke={`var(${colourOf(place)})`}
        stroke-width="2"
        stroke-dasharray={dashOf(place).join(' ')}
      />
    </svg>
  );
}

function SensorTable({ sensors }: { readonly sensors: readonly SensorLine[] }) {
  const places = new Map(
    plotsOf(sensors).flatMap((plot) => plot.sensors.map(({ name }, i) => [name, i] as const)),
  );
  return (
    <section class="wide" tabIndex={0} aria-label="Latest readings">
      <table>
        <thead>
          <tr>
            {['sensor', 'reading', 'how it is', 'limits', 'line', 'note'].map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sensors.map((sensor) => {
            const [mark, tone] = STATES[sensor.state];
            const place = places.get(sensor.name);
            return (
              <tr key={sensor.name}>
                <th scope="row">{sensor.name}</th>
                <td>{valueText(sensor.value, sensor.unit)}</td>
                <td class={tone}>{mark}</td>
                <td>{limitsText(sensor)}</td>
                <td>{place !== undefined && <Sample place={place} />}</td>
                <td>{sensor.says}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** The last reading that gave anything. */
function lastSensors({ latest }: SensorHistory, known: readonly SensorLine[]): readonly SensorLine[] {
  return latest === undefined || latest.says !== '' ? known : latest.sensors;
}

export interface SensorsProps {
  readonly history: SensorHistory;
  /** As the last whole reading had them. */
  readonly known: readonly SensorLine[];
  readonly on: boolean;
  readonly turn: (on: boolean) => void;
}

/** Sensors over time, read while this is looked at and switched on. */
export function Sensors({ history, known, on, turn }: SensorsProps) {
  const { latest } = history;
  const sensors = lastSensors(history, known);
  const over = on && latest !== undefined && latest.nextMs === undefined;
  return (
    <section aria-labelledby="title-sensors">
      <h2 id="title-sensors">Sensors</h2>
      <button type="button" aria-pressed={on && !over} onClick={() => turn(over || !on)}>
        {over ? 'Read on' : on ? 'Stop reading' : 'Read the sensors'}
      </button>{' '}
      <span role="status" class="soft">
        {!on
          ? 'not read: each reading is an order to the device'
          : over
            ? 'an hour is over: nothing more is read until you ask for it'
            : latest === undefined
              ? 'asking…'
              : `read every ${Math.round((latest.nextMs ?? 0) / 1000)} s while this page is looked at`}
      </span>
      {latest !== undefined && (
        <p class="soft">
          as of {momentText(latest.at)}
          {latest.says !== '' && <span class="bad">, no reading: {latest.says}</span>}
          {latest.says === '' && sensors.length === 0 && ', this board has no sensors'}
        </p>
      )}
      {sensors.length > 0 && <SensorTable sensors={sensors} />}
      {plotsOf(sensors).map((plot) => (
        <SensorPlot key={plot.unit} plot={plot} history={history} />
      ))}
    </section>
  );
}
