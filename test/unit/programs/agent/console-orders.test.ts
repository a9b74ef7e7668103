import t from 'tap';
import { milliseconds } from '../../../../src/base/index.ts';
import { ProgressLines } from '../../../../src/programs/agent/console-orders.ts';

class Bench {
  now = 0;
  readonly lines: string[] = [];
  readonly progress = new ProgressLines({ monotonic: () => milliseconds(this.now) }, (line) => {
    this.lines.push(line);
  });

  take(
    at: number,
    rest: { done: number; total?: number; unit?: string; sample?: number | Uint8Array },
  ): void {
    this.now = at;
    this.progress.take({ id: new Uint8Array(16), seq: at, stage: 'reading', ...rest });
  }
}

await t.test('what is quick prints nothing, what is long a line each five seconds', async (t) => {
  const bench = new Bench();
  for (let at = 0; at < 13_000; at += 100) bench.take(at, { done: at * 1024, total: 13_000 * 1024 });
  t.same(bench.lines, [
    '  reading: 15 % 2.0 MiB of 12.7 MiB',
    '  reading: 53 % 6.8 MiB of 12.7 MiB',
    '  reading: 92 % 11.7 MiB of 12.7 MiB',
  ]);
});

await t.test('units are named, and 100 % is said only of what is whole', async (t) => {
  const bench = new Bench();
  bench.take(3000, { done: 9999, total: 10_000, unit: 'sectors' });
  bench.take(9000, { done: 5, unit: 'slots' });
  t.same(bench.lines, ['  reading: 99 % 9999 sectors of 10000 sectors', '  reading: 5 slots']);
});

await t.test('samples come one a second, at once', async (t) => {
  const bench = new Bench();
  for (let at = 0; at <= 2000; at += 250) bench.take(at, { done: 0, sample: at });
  bench.take(3000, { done: 0, sample: Uint8Array.of(0, 255) });
  t.same(bench.lines, ['  0', '  1000', '  2000', '  00ff']);
});
