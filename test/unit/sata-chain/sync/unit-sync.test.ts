import fc from 'fast-check';
import t from 'tap';
import { encodeMessage, SMALLEST_FRAME } from '../../../../src/sata-chain/index.ts';
import { type Badness, CHAIN, SyncBench, someFacts, unitId } from '../../../kit/chain-state.ts';

const byFirst = (a: readonly unknown[], b: readonly unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
const sentences = (bench: SyncBench, at: number): string[] =>
  bench.units[at]!.sync.findings().map((finding) => finding.is);

await t.test('every unit learns of every other: place, drive, and what changed last', async (t) => {
  const bench = new SyncBench(5);
  bench.seconds(2);
  t.equal(new Set(bench.digests()).size, 1);
  t.equal(bench.units[0]!.sync.table.size, 5);
  t.match(bench.record(0, 3), { position: 3, hearsBelow: true, drive: { serial: 'S3' }, departed: false });
  t.match(bench.record(4, 4), { position: 4, hearsBelow: false });
  t.ok(bench.units.every(({ sync }) => sync.inStep));
  t.same(sentences(bench, 0), []);

  bench.change(3, { dsi: 0x20f });
  bench.seconds(0.1);
  t.match(bench.record(0, 3), { dsi: 0x20f, last: 'drive-failed', at: 2001 });
  t.equal(
    new Set(bench.digests()).size,
    1,
    'within a tenth of a second, without waiting for the next exchange',
  );
  bench.change(1, { drive: undefined, dsi: 0 });
  bench.seconds(0.1);
  t.match(bench.record(4, 1), { drive: undefined, last: 'drive-gone' });
});

await t.test('a chain that is still says little', async (t) => {
  const bench = new SyncBench(4);
  bench.seconds(3);
  const before = bench.cables.reduce((sum, cable) => sum + cable.frames, 0);
  bench.seconds(10);
  const frames = bench.cables.reduce((sum, cable) => sum + cable.frames, 0) - before;
  t.equal(frames, 3 * 2 * 10, 'one digest a second, a neighbour');
});

interface Step {
  readonly kind: 'change' | 'cut' | 'mend' | 'restart' | 'wait';
  readonly at: number;
  readonly value: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('change', 'cut', 'mend', 'restart', 'wait'),
  at: fc.nat(31),
  value: fc.nat(0xffff),
});
const badness: fc.Arbitrary<Badness> = fc.record({
  loss: fc.constantFrom(0, 0.1, 0.5, 0.9),
  duplication: fc.constantFrom(0, 0.3),
  corruption: fc.constantFrom(0, 0.05),
});

await t.test(
  'after any loss, repetition, damage, partition and restart all tables become the same',
  async (t) => {
    let most = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 32 }),
        fc.nat(),
        badness,
        fc.array(step, { maxLength: 25 }),
        fc.constantFrom(SMALLEST_FRAME, 300, 4096),
        (count, seed, bad, steps, largestFrame) => {
          const bench = new SyncBench(count, { seed, largestFrame });
          for (const cable of bench.cables) cable.badness = bad;
          for (const { kind, at, value } of steps) {
            const cable = bench.cables[at % bench.cables.length]!;
            if (kind === 'change') bench.change(at % count, { dsi: value, csi: value >>> 3 });
            else if (kind === 'cut' && cable.connected) cable.cut();
            else if (kind === 'mend' && !cable.connected) cable.mend();
            else if (kind === 'restart') bench.restart(at % count);
            else bench.seconds((value % 100) / 50);
          }
          for (const cable of bench.cables) {
            cable.badness = { loss: 0, duplication: 0, corruption: 0 };
            if (!cable.connected) cable.mend();
          }
          bench.seconds(10);
          const [first, ...rest] = bench.digests();
          most = Math.max(most, ...bench.cables.map(({ largest }) => largest));
          return (
            rest.every((digest) => digest === first) &&
            bench.units[0]!.sync.table.size === count &&
            bench.units.every(({ facts, unit }, at) => {
              const row = bench.units[0]!.sync.table.row(unit);
              return row?.record.dsi === facts.dsi && row.record.position === at && !row.departed;
            })
          );
        },
      ),
      { numRuns: 60 },
    );
    t.ok(most > 0 && most <= 1024, 'and no message is larger than 1 KiB');
  },
);

await t.test('two tables of ten thousand units find the one that differs', async (t) => {
  const bench = new SyncBench(2);
  const [upper, lower] = bench.units;
  bench.seconds(1);
  bench.cables[0]!.cut();
  const template = bench.record(0, 1)!;
  for (let n = 0; n < 10_000; n += 1) {
    const record = { ...template, unit: unitId(1000 + n * 37), position: n % 60_000, version: 1 };
    upper!.sync.table.merge(record, 'below');
    if (n !== 4567) lower!.sync.table.merge(record, 'above');
  }
  const before = bench.cables[0]!.frames;
  bench.cables[0]!.mend();
  bench.seconds(2);
  t.equal(new Set(bench.digests()).size, 1);
  t.equal(lower!.sync.table.size, 10_002);
  const used = bench.cables[0]!.frames - before;
  t.ok(used < 40, `${used} messages`);
  t.comment(`figure: ${used} messages of at most 1 KiB to find one of 10,000 records`);
});

await t.test('an empty table is filled with ten thousand units, page by page', async (t) => {
  const bench = new SyncBench(2);
  const [upper, lower] = bench.units;
  bench.seconds(1);
  bench.cables[0]!.cut();
  const template = bench.record(0, 1)!;
  for (let n = 0; n < 10_000; n += 1)
    upper!.sync.table.merge({ ...template, unit: unitId(1000 + n), version: 1 }, 'below');
  bench.cables[0]!.mend();
  bench.seconds(20);
  t.equal(lower!.sync.table.size, 10_002);
  t.equal(new Set(bench.digests()).size, 1);
});

await t.test('a table that is full says so, and keeps what it has', async (t) => {
  const bench = new SyncBench(6, { capacity: 4 });
  bench.seconds(5);
  t.equal(bench.units[0]!.sync.table.size, 4);
  t.ok(
    bench.units[0]!.sync.findings().some((f) => f.is === 'noticed' && f.notice === 'table-full'),
    'and the head is told by those that had to refuse one',
  );
});

await t.test('a departed unit stays gone, whatever old news say, until it speaks itself', async (t) => {
  const bench = new SyncBench(4);
  bench.seconds(2);
  bench.cables[2]!.cut();
  bench.seconds(6);
  t.match(bench.record(0, 2), { hearsBelow: false, last: 'below-gone' });
  bench.units[0]!.sync.depart([unitId(3)]);
  bench.seconds(1);
  t.ok(bench.record(2, 3)?.departed, 'all that are left know');
  bench.restart(1);
  bench.seconds(2);
  t.ok(bench.record(1, 3)?.departed);
  bench.cables[2]!.mend();
  bench.seconds(2);
  t.equal(bench.record(0, 3)?.departed, false, 'it is back');
  t.equal(new Set(bench.digests()).size, 1);
});

await t.test('a unit of another chain is reported and nothing of it is taken', async (t) => {
  const bench = new SyncBench(4, { chain: (at) => (at < 2 ? CHAIN : 'bad0000000000002') });
  bench.seconds(3);
  t.match(bench.units[1]!.sync.findings(), [{ is: 'stranger', side: 'below', unit: unitId(2) }]);
  t.equal(bench.units[0]!.sync.table.row(unitId(2)), undefined);
  t.match(
    bench.units[0]!.sync.findings(),
    [{ is: 'noticed', unit: unitId(1), notice: 'stranger' }],
    'the head learns of it from the unit beside it',
  );
  bench.units[2]!.chain = undefined;
  bench.units[3]!.chain = undefined;
  bench.seconds(3);
  t.same(sentences(bench, 0), [], 'a unit without a chain is no stranger');
  t.equal(bench.units[0]!.sync.table.size, 4);
});

await t.test('an id that two units use is found, by those beside and by those between', async (t) => {
  for (const [place, other] of [
    [0, 1],
    [0, 2],
    [1, 4],
  ] as const) {
    const bench = new SyncBench(5);
    bench.seconds(1);
    bench.restart(other, unitId(place));
    bench.seconds(20);
    const told = bench.units.filter(({ sync }) =>
      sync.findings().some((f) => f.is === 'twice' && f.unit === unitId(place)),
    );
    t.ok(told.length > 0, `${place} and ${other}`);
    const head = sentences(bench, 0);
    t.ok(head.includes('twice') || head.includes('noticed'), `the head knows: ${head.join(', ')}`);
    const before = bench.cables.reduce((sum, cable) => sum + cable.frames, 0);
    bench.seconds(10);
    const frames = bench.cables.reduce((sum, cable) => sum + cable.frames, 0) - before;
    t.ok(frames <= 4 * 2 * 10 * 6, `and the two do not argue for ever: ${frames} frames in 10 s`);
  }
});

await t.test('members that changed places, and drives that changed units, are told in words', async (t) => {
  const bench = new SyncBench(4);
  bench.seconds(2);
  bench.change(1, { drive: someFacts(2).drive });
  bench.change(2, { drive: someFacts(1).drive });
  bench.seconds(1);
  const moved = bench.units[0]!.sync.findings().filter((f) => f.is === 'drive-moved');
  t.same(moved.map((f) => [f.serial, f.from, f.to]).toSorted(byFirst), [
    ['S1', unitId(1), unitId(2)],
    ['S2', unitId(2), unitId(1)],
  ]);
  const bench2 = new SyncBench(4);
  bench2.seconds(2);
  bench2.restart(1, unitId(3));
  bench2.restart(3, unitId(1));
  bench2.seconds(3);
  const places = bench2.units[0]!.sync.findings().filter((f) => f.is === 'moved');
  t.same(places.map((f) => [f.unit, f.from, f.to]).toSorted(byFirst), [
    [unitId(1), 1, 3],
    [unitId(3), 3, 1],
  ]);
});

await t.test('a neighbour that claims an impossible place is found out', async (t) => {
  const bench = new SyncBench(2);
  bench.seconds(1);
  const lie = encodeMessage({
    from: { unit: unitId(1), chain: bench.units[1]!.chain, position: 40 },
    body: { kind: 'want', units: [] },
  });
  bench.units[1]!.sync.stop();
  for (let i = 0; i < 20; i += 1) bench.cables[0]!.lower.send({ channel: 'state', bytes: lie });
  bench.seconds(1);
  t.match(
    bench.units[0]!.sync.findings().find((f) => f.is === 'position'),
    { unit: unitId(1), claims: 40, expected: 1 },
  );
});

await t.test('garbage and floods from a neighbour are bounded and counted', async (t) => {
  const bench = new SyncBench(2);
  bench.seconds(1);
  const before = bench.cables[0]!.frames;
  for (let i = 0; i < 500; i += 1)
    bench.cables[0]!.lower.send({ channel: 'state', bytes: Uint8Array.of(1, 9, i & 255) });
  bench.seconds(1);
  t.match(
    bench.units[0]!.sync.findings().find((f) => f.is === 'malformed'),
    { messages: 500 },
  );
  t.ok(bench.cables[0]!.frames - before - 500 < 20, 'none is answered');
});
