import t from 'tap';
import { fitScreen, showOutcome, Watched } from '../../../src/fleet/index.ts';

await t.test('what a host says is new at first, and then only where it is another', async (t) => {
  const watched = new Watched();
  const said = (a: string, b: string) =>
    watched
      .changed([
        { host: 'a', text: a },
        { host: 'b', text: b },
      ])
      .map(({ host }) => host);
  t.same(said('succeeded: S5', 'unreachable'), ['a', 'b']);
  t.same(said('succeeded: S5', 'unreachable'), []);
  t.same(said('succeeded: S5', 'succeeded: S5'), ['b']);
  t.same(said('succeeded: S0', 'succeeded: S5'), ['a']);
  t.same(said('succeeded: S5', 'succeeded: S5'), ['a'], 'and back again');
});

await t.test('time that passes is no change, and a figure of the host is one', async (t) => {
  const watched = new Watched();
  const changed = (text: string): boolean => watched.changed([{ host: 'a', text }]).length === 1;
  changed('version 0.1.0, up 8 s\nrises in 24 h 0 min, hand-back 2000 ms');
  t.notOk(changed('version 0.1.0, up 2 min 54 s\nrises in 23 h 59 min, hand-back 2000 ms'));
  t.ok(changed('version 0.1.0, up 3 min\nrises in 23 h 58 min, hand-back 5000 ms'));
  t.ok(changed('version 0.1.1, up 1 s\nrises in 23 h 58 min, hand-back 5000 ms'));
});

await t.test('a host that goes on not to answer is told of once', async (t) => {
  const text = (until: number) =>
    showOutcome('machine.status', {
      is: 'unreachable',
      sent: true,
      presence: undefined,
      validUntil: until,
    }).join('\n');
  t.not(text(1_795_233_781), text(1_795_233_791));
  const watched = new Watched();
  t.equal(watched.changed([{ host: 'a', text: text(1_795_233_781) }]).length, 1);
  t.equal(watched.changed([{ host: 'a', text: text(1_795_233_791) }]).length, 0);
});

await t.test('a screen is never overfull, and says what it leaves out', async (t) => {
  const lines = ['1', '2', '3', '4', '5'];
  t.same(fitScreen(lines, 6, 80), lines);
  t.same(fitScreen(lines, 5, 80), ['1', '2', '3', '… 2 more lines: the window is too low']);
  t.equal(fitScreen(lines, 1, 80).length, 1);
  t.same(fitScreen(['x'.repeat(100), 'é'.repeat(9)], 24, 10), ['x'.repeat(9), 'é'.repeat(9)]);
});
