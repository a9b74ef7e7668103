import fc from 'fast-check';
import t from 'tap';
import { normaliseReading, observe, type PowerView } from '../../../src/bmc/power-machine.ts';
import type { PowerReading, PowerState } from '../../../src/ports/index.ts';

const reading = (state: PowerState, sources: Record<string, string> = {}, certain = true): PowerReading => ({
  state,
  sources,
  certain,
  fusion: certain ? 'agreed' : 'missing',
});

function run(...states: PowerState[]) {
  let view: PowerView = { is: 'unread' };
  return states.map((state) => {
    const step = observe(view, reading(state));
    view = step.view;
    return step;
  });
}
const seen = (...states: PowerState[]) => run(...states).map((step) => step.view.reading.state);

await t.test('sources that contradict the state, or each other, make it unknown', async (t) => {
  const cases: [PowerReading, PowerState][] = [
    [reading('S5', { 'ps-pwrok': 'low', 'sio-s5': 'asserted' }), 'S5'],
    [reading('S5', { 'ps-pwrok': 'high', 'sio-s5': 'asserted' }), 'unknown'],
    [reading('S0', { 'ps-pwrok': 'low' }), 'unknown'],
    [reading('S3', { 'sio-s3': 'asserted', 'sio-s5': 'released' }), 'S3'],
    [reading('S3', { 'sio-s5': 'asserted' }), 'unknown'],
    [reading('G3', { 'standby-power': 'high' }), 'unknown'],
    [reading('S4', { announced: 'S4', constructor: 'x' }), 'S4'],
    [reading('S5', {}, false), 'unknown'],
    [reading('unknown'), 'unknown'],
  ];
  for (const [raw, expected] of cases) {
    const result = normaliseReading(raw);
    t.equal(result.state, expected, JSON.stringify(raw));
    t.equal(result.certain, expected !== 'unknown');
  }
});

await t.test('a hibernated host stays hibernated until it has been seen awake', async (t) => {
  t.same(seen('S4', 'G3', 'S5'), ['S4', 'S4', 'S4']);
  t.same(seen('S4', 'unknown', 'S5'), ['S4', 'unknown', 'S4']);
  t.same(seen('S4', 'S0', 'S5'), ['S4', 'S0', 'S5']);
  t.same(seen('S0', 'S5', 'G3', 'S5'), ['S0', 'S5', 'G3', 'S5']);
});

await t.test('a host that must have been awake in between is noticed', async (t) => {
  const woke = (...states: PowerState[]) => run(...states).at(-1)!.wokeUnseen;
  t.ok(woke('S5', 'S3'));
  t.ok(woke('S5', 'S4'));
  t.ok(woke('S4', 'S3'));
  t.ok(woke('G3', 'S3'));
  t.notOk(woke('S5', 'G3'));
  t.notOk(woke('G3', 'S5'));
  t.notOk(woke('S0', 'S3'));
  t.notOk(woke('S3', 'S5'), 'holding the power button');
  t.notOk(woke('S5', 'S0'), 'awake now, and seen to be');
});

await t.test(
  'no sequence of readings turns a hibernated host into one that is off, unless it woke',
  async (t) => {
    const state = fc.constantFrom<PowerState>('S0', 'S3', 'S4', 'S5', 'G3', 'unknown');
    fc.assert(
      fc.property(fc.array(state, { maxLength: 20 }), (states) => {
        let image = false;
        for (const [i, step] of run(...states).entries()) {
          if (states[i] === 'S4') image = true;
          if (states[i] === 'S0' || states[i] === 'S3') image = false;
          const shown = step.view.reading;
          if (image && (shown.state === 'S5' || shown.state === 'G3')) return false;
          if (shown.certain !== (shown.state !== 'unknown')) return false;
        }
        return true;
      }),
    );
    t.pass();
  },
);
