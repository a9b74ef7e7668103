import fc from 'fast-check';
import t from 'tap';
import { MAX_SERIES, Registry } from '../../../../src/adapters/metrics/registry.ts';
import { readExposition } from '../../../kit/exposition.ts';

await t.test('counters, gauges and histograms are written as Prometheus reads them', async (t) => {
  const registry = new Registry();
  registry.counter('a_total', 'Things.').add({}, 2);
  const gauge = registry.gauge('b', 'State.', ['state']);
  gauge.setState('state', ['on', 'off'], 'off');
  const histogram = registry.histogram('c_seconds', 'Time.', [0.5, 1], ['verb']);
  for (const seconds of [0.1, 0.5, 0.7, 9]) histogram.observe(seconds, { verb: 'file.list' });
  t.equal(
    await registry.scrape(),
    `# HELP a_total Things.
# TYPE a_total counter
a_total 2
# HELP b State.
# TYPE b gauge
b{state="on"} 0
b{state="off"} 1
# HELP c_seconds Time.
# TYPE c_seconds histogram
c_seconds_bucket{verb="file.list",le="0.5"} 2
c_seconds_bucket{verb="file.list",le="1"} 3
c_seconds_bucket{verb="file.list",le="+Inf"} 4
c_seconds_sum{verb="file.list"} 10.3
c_seconds_count{verb="file.list"} 4
`,
  );
});

const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 80 })
  .map((codes) => String.fromCharCode(...codes));

await t.test('whatever a label is given, each line can be read, and says the same', async () => {
  await fc.assert(
    fc.asyncProperty(anyText, fc.double({ noNaN: true }), async (text, value) => {
      const registry = new Registry();
      registry.gauge('x', 'X.', ['l']).set(value, { l: text });
      const { samples } = readExposition(await registry.scrape());
      const plain = text.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
      const [one, ...more] = samples;
      return more.length === 0 && one?.labels.l === plain && one.value === value;
    }),
    { numRuns: 200 },
  );
});

await t.test('a scrape does not grow with the number of labels that are thrown at it', async (t) => {
  const registry = new Registry();
  const counter = registry.counter('x_total', 'X.', ['verb', 'code']);
  for (let n = 0; n < 10_000; n += 1) counter.add({ verb: `v${n}`, code: 'C' });
  const { samples, value } = readExposition(await registry.scrape());
  t.equal(samples.length, MAX_SERIES);
  t.equal(value('x_total', { verb: 'other', code: 'other' }), 10_000 - (MAX_SERIES - 1));
  t.equal(
    samples.reduce((sum, one) => sum + one.value, 0),
    10_000,
    'nothing is lost',
  );
});

await t.test('a look that fails costs its own metrics, and a counter never goes back', async (t) => {
  const registry = new Registry();
  const total = registry.counter('x_total', 'X.');
  registry.onScrape(() => {
    throw new Error('the disk is gone');
  });
  registry.onScrape(async () => total.setTo(7));
  t.equal(readExposition(await registry.scrape()).value('x_total'), 7);
  total.setTo(3);
  total.add({}, -1);
  t.equal(readExposition(await registry.scrape()).value('x_total'), 7);
  t.throws(() => registry.gauge('x_total', 'Again.'), { message: /two metrics/ });
});
