import fc from 'fast-check';
import t from 'tap';
import type { SensorLine, SensorNews } from '../../../src/web/index.ts';
import {
  columnsOf,
  LINES_A_PLOT,
  MOST_READINGS,
  NO_READINGS,
  plotsOf,
  type SensorHistory,
  valueText,
  withReading,
} from '../../../web/sensor-history.ts';

const sensor = (name: string, value: number | undefined, more: Partial<SensorLine> = {}): SensorLine => ({
  name,
  kind: 'temperature',
  unit: 'm°C',
  state: value === undefined ? 'no reading' : 'well',
  says: '',
  ...(value === undefined ? {} : { value }),
  ...more,
});
const news = (at: number, sensors: readonly SensorLine[], says = ''): SensorNews => ({
  host: 'h0',
  at,
  says,
  sensors,
  nextMs: 10_000,
});
const after = (...all: readonly SensorNews[]): SensorHistory =>
  all.reduce((history, each) => withReading(history, each), NO_READINGS);
const TEMPERATURE = { unit: '°C', per: 1000, sensors: [sensor('inlet', 0)] };

await t.test('a reading that failed, a sensor that was silent and a pause are gaps', async (t) => {
  const history = after(
    news(100, [sensor('inlet', 31_000)]),
    news(110, [sensor('inlet', undefined)]),
    news(120, [sensor('inlet', 32_500)]),
    news(130, [], 'offline'),
    news(140, [sensor('inlet', 33_000)]),
    news(400, [sensor('inlet', 34_000)]),
  );
  t.same(columnsOf(history, TEMPERATURE), [
    [100, 110, 120, 130, 140, 270, 400],
    [31, null, 32.5, null, 33, null, 34],
  ]);
  t.equal(history.latest?.at, 400);
});

await t.test(
  'whatever the clock does, times rise, columns are as long as each other, and all is bounded',
  async () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4000), fc.option(fc.integer())), { maxLength: 200 }), (said) => {
        const history = after(...said.map(([at, value]) => news(at, [sensor('inlet', value ?? undefined)])));
        const [times, line = []] = columnsOf(history, TEMPERATURE);
        return (
          times.length === line.length &&
          times.every((at, i) => i === 0 || at > (times[i - 1] ?? 0)) &&
          history.readings.length <= MOST_READINGS
        );
      }),
    );
    let history = NO_READINGS;
    for (let at = 0; at < MOST_READINGS + 50; at += 1) history = withReading(history, news(at * 10, []));
    t.equal(history.readings.length, MOST_READINGS);
    t.equal(history.readings[0]?.at, 500);
  },
);

await t.test('one plot a unit, of what is measured, with few lines', async (t) => {
  const many = Array.from({ length: 20 }, (_, i) => sensor(`t${i}`, 1));
  const plots = plotsOf([
    ...many,
    sensor('fan', 1500, { kind: 'fan', unit: 'rpm' }),
    sensor('lid', 1, { kind: 'gpio', unit: 'state' }),
    sensor('odd', 1, { unit: 'constructor' }),
  ]);
  t.same(
    plots.map(({ unit, sensors }) => [unit, sensors.length]),
    [
      ['°C', LINES_A_PLOT],
      ['rpm', 1],
      ['constructor', 1],
    ],
  );
});

await t.test('values are told in the unit that people read', async (t) => {
  t.equal(valueText(31_228, 'm°C'), '31.23 °C');
  t.equal(valueText(3301, 'mV'), '3.30 V');
  t.equal(valueText(1500, 'rpm'), '1500 rpm');
  t.equal(valueText(0, 'state'), 'off (0)');
  t.equal(valueText(undefined, 'rpm'), '-');
});
