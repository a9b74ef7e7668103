import t from 'tap';
import { SimHost } from '../../../src/adapters/sim/host.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds } from '../../../src/base/index.ts';
import { PowerTrace, PowerWatch, TRACE_MARKS } from '../../../src/bmc/index.ts';
import type { PowerState } from '../../../src/ports/index.ts';

function watched(state: PowerState) {
  const clock = new VirtualClock();
  const host = new SimHost({ clock, state });
  const power = new PowerWatch(host);
  const seen: PowerState[] = [];
  power.onChange((reading) => seen.push(reading.state));
  return { clock, host, power, seen };
}

await t.test('changes are told through the power machine, also before anybody has read', async (t) => {
  const { host, power, seen } = watched('S5');
  host.set('S0');
  host.set('S4');
  host.set('G3');
  host.set('S5');
  t.same(seen, ['S0', 'S4'], 'hibernated is what it stays');
  t.match(await power.read(), { state: 'S4', sources: { remembered: 'hibernated before S5' } });
});

await t.test('the state that was seen last is there without another reading', async (t) => {
  const { host, power } = watched('S5');
  t.equal(power.state, 'unknown', 'nobody has looked');
  await power.read();
  t.equal(power.state, 'S5');
  host.set('S0');
  t.equal(power.state, 'S0');
});

await t.test('a host that woke unseen is told as unknown first', async (t) => {
  const { host, power, seen } = watched('S5');
  await power.read();
  host.set('S3');
  t.same(seen, ['unknown', 'S3']);
  power.close();
  host.set('S0');
  t.same(seen, ['unknown', 'S3']);
});

await t.test('a trace has a reading at each end, and the changes between', async (t) => {
  const { clock, host, power } = watched('S5');
  const quiet = new PowerTrace(power, clock);
  await quiet.start();
  await clock.advance(milliseconds(1500));
  t.same(await quiet.stop(), [
    { at: 0, state: 'S5', certain: true },
    { at: 1500, state: 'S5', certain: true },
  ]);
  const busy = new PowerTrace(power, clock, milliseconds(1000));
  await busy.start();
  await clock.advance(milliseconds(250));
  host.set('S0');
  t.same(await busy.stop(), [
    { at: 500, state: 'S5', certain: true },
    { at: 750, state: 'S0', certain: true },
    { at: 750, state: 'S0', certain: true },
  ]);
  host.set('S3');
  t.equal(busy.soFar().length, 3, 'nothing is heard after the stop');
});

await t.test('a trace stays bounded, and its last mark is the latest', async (t) => {
  const { clock, host, power } = watched('S0');
  const trace = new PowerTrace(power, clock);
  await trace.start();
  for (let i = 0; i < 100; i += 1) {
    host.set(i % 2 === 0 ? 'S3' : 'S0');
    await clock.advance(milliseconds(1));
  }
  host.set('S5');
  const marks = await trace.stop();
  t.equal(marks.length, TRACE_MARKS);
  t.same(marks.at(-1), { at: 100, state: 'S5', certain: true });
  t.ok(marks.every((mark, i) => i === 0 || mark.at >= marks[i - 1]!.at));
});

await t.test('a sensor that fails is a mark of its own', async (t) => {
  const { clock, power } = watched('S5');
  const failing = Object.create(power, {
    read: { value: async () => Promise.reject(new Error('no answer')) },
    onChange: { value: () => () => {} },
  }) as PowerWatch;
  const trace = new PowerTrace(failing, clock);
  await trace.start();
  t.match(await trace.stop(), [
    { state: 'unknown', certain: false },
    { state: 'unknown', certain: false },
  ]);
});
