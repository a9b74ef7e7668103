import t from 'tap';
import { milliseconds } from '../../../src/base/index.ts';
import { foldAnswers, forEachHost, progressLine, RunTally } from '../../../src/fleet/index.ts';
import { fleetBench } from '../../kit/fleet-bench.ts';
import { statusResult } from '../../kit/status-result.ts';

const at = (seconds: number) => milliseconds(seconds * 1000);
const MB = 1024 * 1024;

await t.test('it counts how many hosts are at what, and names who takes longest', async (t) => {
  const tally = new RunTally(300, at(0));
  t.equal(tally.line(at(0)), '0 of 300 hosts: 300 waiting');
  for (let n = 1; n <= 40; n += 1) tally.begin(`rack${n}`, at(0));
  for (let n = 2; n <= 9; n += 1)
    tally.end(`rack${n}`, n < 6 ? 'done' : n < 8 ? 'refused' : 'unreachable', at(1));
  t.equal(tally.line(at(2)), '8 of 300 hosts: 4 done, 2 refused, 2 unreachable; 32 at work, 260 waiting');
  t.equal(
    tally.line(at(12)),
    '8 of 300 hosts: 4 done, 2 refused, 2 unreachable; 32 at work, 260 waiting; rack1 for 12 s',
  );
  for (const width of [0, 1, 20, 60]) t.ok(tally.line(at(12), width).length <= width);
  tally.end('rack1', 'failed', at(14));
  tally.end('rack1', 'done', at(15));
  tally.end('rack77', 'done', at(15));
  t.match(
    tally.sum(at(20)),
    /^9 of 300 hosts: 4 done, 2 refused, 1 failed, 2 unreachable; .* in 20 s; slowest rack1, 14 s$/,
  );
});

await t.test('how long it will take is said only where all that is left is known', async (t) => {
  const tally = new RunTally(3, at(0));
  const move = (host: string, done: number, now: number): void =>
    tally.moved(host, { done: done * MB, total: 100 * MB }, at(now));
  tally.begin('a', at(0));
  tally.begin('b', at(0));
  move('a', 0, 0);
  move('a', 10, 1);
  move('b', 10, 2);
  t.match(
    tally.line(at(2)),
    /20\.0 MiB of 200\.0 MiB under way; 10\.0 MiB\/s$/,
    'a host waits: nobody knows what it has',
  );
  tally.begin('c', at(2));
  t.notMatch(tally.line(at(2)), /left/, 'one at work has not said how much it is');
  tally.moved('c', { done: 5, total: 10, unit: 'slots' }, at(2));
  t.notMatch(tally.line(at(2)), /left/, 'slots are no bytes');
  tally.end('c', 'refused', at(2));
  t.match(tally.line(at(2)), /10\.0 MiB\/s; 18 s left$/);
  t.equal(
    progressLine('a', { done: 5, total: 10, unit: 'slots' }, 1, 80).includes('B'),
    false,
    'slots are not shown as bytes',
  );
  t.match(progressLine('a', { done: 5, total: 10, unit: 'slots' }, 1, 80), /5 of 10 slots/);
});

await t.test('those from whom nothing comes stand apart, as one, with the latest time', async (t) => {
  const lines = foldAnswers([
    { host: 'rack3', dead: true, text: 'unreachable\nnote: valid until 2026-11-21 19:00:05Z' },
    { host: 'rack1', dead: false, text: 'succeeded\nat 2026-11-21 19:00:05Z' },
    { host: 'rack4', dead: true, text: 'unreachable\nnote: valid until 2026-11-21 19:00:25Z' },
    { host: 'rack2', dead: false, text: 'succeeded\nat 2026-11-21 19:00:06Z' },
    { host: 'rack5', dead: true, text: 'unreachable\nnote: the order does not expire' },
  ]);
  t.same(lines, [
    'rack1: succeeded',
    '  at 2026-11-21 19:00:05Z',
    'rack2: succeeded',
    '  at 2026-11-21 19:00:06Z',
    'rack[3-4]: unreachable',
    '  note: valid until 2026-11-21 19:00:25Z',
    'rack5: unreachable',
    '  note: the order does not expire',
  ]);
});

await t.test(
  '300 simulated hosts: never more at once than the window, each answered once, the dead apart',
  async (t) => {
    const names = Array.from({ length: 300 }, (_, n) => `web${String(n + 1).padStart(3, '0')}`);
    const bench = await fleetBench(names);
    const dead = new Set(names.filter((_, n) => n % 25 === 24));
    for (const device of bench.devices) {
      device.answer = async () => ({ result: statusResult() });
      if (dead.has(device.name)) device.deafFor = Number.POSITIVE_INFINITY;
    }
    const tally = new RunTally(names.length, bench.clock.monotonic());
    let active = 0;
    let most = 0;
    const seen: string[] = [];
    const run = forEachHost(
      names,
      async (host) => {
        active += 1;
        most = Math.max(most, active);
        tally.begin(host, bench.clock.monotonic());
        const order = await bench.fleet.order(
          host,
          'machine.status',
          {},
          { signal: new AbortController().signal },
        );
        const outcome = await order.outcome;
        tally.end(host, outcome.is === 'unreachable' ? 'unreachable' : 'done', bench.clock.monotonic());
        seen.push(tally.line(bench.clock.monotonic(), 200));
        active -= 1;
        return {
          host,
          dead: outcome.is === 'unreachable',
          text: outcome.is === 'receipt' ? 'succeeded' : outcome.is,
        };
      },
      24,
    );
    const answers = await bench.settle(run);
    t.equal(most, 24);
    t.same(
      answers.map(({ host }) => host),
      names,
    );
    t.same(
      bench.devices.map(({ orders }) => orders.length),
      names.map((name) => (dead.has(name) ? 0 : 1)),
    );
    t.match(seen[0], /^1 of 300 hosts: 1 done; 23 at work, 276 waiting$/);
    t.match(seen.at(-1), /^300 of 300 hosts: 288 done, 12 unreachable$/);
    const folded = foldAnswers(answers);
    t.equal(folded.length, 2);
    t.match(folded[1], /^web\[025,050,075,100,.*300\]: unreachable$/);
  },
);
