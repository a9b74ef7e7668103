import t from 'tap';
import { equalBytes, hasCode } from '../../src/base/index.ts';
import { AtaFault, millis, summarizeArray } from '../../src/sata-chain/index.ts';
import { ArrayBench, type BenchOptions, SECTOR, unitOf } from '../kit/array-bench.ts';
import { ArrayModel } from '../kit/array-model.ts';

const SECTORS = 256;
const LAYOUT = {
  stretches: [{ mirror: [unitOf(0), unitOf(1)], equal: true }],
  spares: [unitOf(2), unitOf(3)],
};
const SIZES = [SECTORS, SECTORS, SECTORS, SECTORS + 10];
const SMALL_PIECES: BenchOptions = {
  copying: { pace: () => ({ largestPiece: 4096 }), cursorSectors: 16, cursorTime: millis(0) },
};

async function filled(
  options: BenchOptions = SMALL_PIECES,
): Promise<{ bench: ArrayBench; model: ArrayModel }> {
  const bench = new ArrayBench(SIZES, LAYOUT, options);
  await bench.open();
  const model = new ArrayModel(bench, SECTORS);
  await model.write(0, SECTORS, false);
  await model.flush();
  return { bench, model };
}

const kinds = (bench: ArrayBench): string[] => bench.events.map(({ kind }) => kind);
const rolesOf = (bench: ArrayBench): string[] =>
  bench.array.status().members.map(({ role, state }) => `${role} ${state}`);

await t.test('a drive fails, a spare takes its place, and the host sees nothing of it', async (t) => {
  const { bench, model } = await filled();
  const before = await bench.array.target.identify();
  bench.members[0]!.faults.dead = true;
  await model.write(10, 4, false);
  t.ok(['degraded', 'copying'].includes(bench.array.status().state));
  let copying = false;
  for (let i = 0; i < 40; i += 1) {
    await model.write((i * 37) % (SECTORS - 8), 8, false);
    const { copy } = bench.array.status();
    if (copy !== undefined && copy.done > 0)
      copying ||= copy.secondsLeft !== undefined && copy.target === unitOf(2);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.match(summarizeArray(bench.array.status()), { kind: '1 mirror pair, 1 spare' });
  t.ok(copying, 'the report says how far it is and when it will be done');
  t.ok(await bench.healthy());
  t.same(rolesOf(bench), ['failed replaced', 'data live', 'mirror live', 'spare ready']);
  t.match(summarizeArray(bench.array.status()), {
    state: 'healthy',
    sentence: 'every mirror has both copies',
  });
  t.same(await bench.array.target.identify(), before);
  bench.members[1]!.faults.dead = true;
  t.equal(await model.read(0, SECTORS), undefined, 'the spare has it all');
  await model.write(0, 1, false);
  t.ok(await bench.healthy(), 'and the second spare takes over from the second drive');
  t.same(rolesOf(bench), ['failed replaced', 'failed replaced', 'data live', 'mirror live']);
  t.equal(await model.read(0, SECTORS), undefined);
  bench.members[2]!.faults.dead = true;
  t.equal(await model.read(0, SECTORS), undefined, 'the second copy began at its own beginning');
  await bench.array.close();
});

await t.test('a spare that fails while it is copied onto is dropped for the next one', async (t) => {
  const { bench, model } = await filled();
  bench.members[2]!.faults.unwritable.add(SECTORS / 2);
  bench.members[1]!.faults.dead = true;
  await model.write(0, 1, false);
  t.ok(await bench.healthy());
  t.same(rolesOf(bench), ['data live', 'failed replaced', 'failed replaced', 'mirror live']);
  t.ok(kinds(bench).includes('copy-dropped'));
  t.equal(await model.read(0, SECTORS), undefined);
  await bench.array.close();
});

await t.test('the source has bad sectors: the rest is saved, and they stay UNC until written', async (t) => {
  const { bench, model } = await filled();
  for (const sector of [17, 18, 200]) bench.members[0]!.faults.unreadable.add(sector);
  await bench.array.fail(unitOf(1));
  t.ok(await bench.healthy());
  t.equal(bench.array.status().unreadableSectors, 3);
  const lbaOf = async (lba: number, count: number): Promise<number | undefined> =>
    bench.array.target.read(lba, new Uint8Array(count * SECTOR)).then(
      () => undefined,
      (error: AtaFault) => (error instanceof AtaFault && error.kind === 'MEDIUM' ? error.lba : -1),
    );
  t.equal(await lbaOf(0, SECTORS), 17);
  bench.cut();
  model.cut();
  bench.members[0]!.faults.unreadable.clear();
  await bench.open();
  t.equal(await lbaOf(18, 100), 18, 'after a restart too, though the source would answer now');
  t.equal(await lbaOf(0, 17), undefined);
  const durable = bench.members[0]!.faults.countOf('write-fua');
  t.ok(await model.write(17, 2, false));
  t.equal(bench.members[0]!.faults.countOf('write-fua'), durable + 1, 'durable before it counts as readable');
  t.equal(await lbaOf(0, SECTORS), 200);
  t.ok(await model.write(200, 1, false));
  t.equal(bench.array.status().unreadableSectors, 0);
  t.equal(await model.read(0, SECTORS), undefined);
  await bench.array.close();
});

await t.test(
  'the last drive fails during the rebuild of the other: no swap, and it goes on when it is back',
  async (t) => {
    const { bench, model } = await filled();
    await bench.array.fail(unitOf(1));
    await bench.until(() => (bench.array.status().copy?.done ?? 0) > 32);
    bench.members[0]!.faults.dead = true;
    const fault: unknown = await bench.array.target
      .write(100, new Uint8Array(SECTOR), false)
      .catch((e: unknown) => e);
    t.ok(fault instanceof AtaFault);
    t.ok(await bench.until(() => kinds(bench).includes('copy-stalled')));
    t.equal(bench.array.status().members[0]!.role, 'data', 'the only one that has it all is not put out');
    bench.members[0]!.faults.dead = false;
    t.ok(await bench.healthy());
    await model.write(100, 1, true);
    bench.members[0]!.faults.dead = true;
    t.equal(await model.read(0, SECTORS), undefined);
    await bench.array.close();
  },
);

await t.test(
  'a drive is moved online: what the host writes meanwhile is copied again, then the two swap',
  async (t) => {
    const { bench, model } = await filled();
    t.match(await bench.array.relocate(unitOf(0), unitOf(3), 'ready'), { ok: true });
    let tracked = 0;
    for (let i = 0; i < 60 && bench.array.status().copy !== undefined; i += 1) {
      await model.write((i * 11) % 64, 4, false);
      tracked = Math.max(tracked, bench.array.status().copy?.changedRegions ?? 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.ok(tracked > 0, `${tracked} changed regions at most`);
    t.ok(await bench.until(() => bench.array.status().copy === undefined));
    t.same(rolesOf(bench), ['spare ready', 'mirror live', 'spare ready', 'data live']);
    await bench.array.fail(unitOf(1));
    t.equal(await model.read(0, SECTORS), undefined);
    await bench.array.close();
  },
);

await t.test(
  'a copy goes on at its cursor after the power was gone, and the cursor never goes back',
  async (t) => {
    const { bench, model } = await filled();
    await bench.array.fail(unitOf(0));
    await bench.until(() => (bench.array.status().copy?.durable ?? 0) >= 64);
    const before = bench.array.status().copy!;
    bench.cut();
    model.cut();
    await bench.open();
    const after = bench.array.status().copy!;
    t.ok(after.done >= before.durable, `${after.done} of ${before.durable} stored`);
    t.ok(after.done < SECTORS);
    let last = after.done;
    let back = false;
    t.ok(
      await bench.until(() => {
        const { copy, state } = bench.array.status();
        back ||= copy !== undefined && copy.done < last;
        last = copy?.done ?? last;
        return state === 'healthy';
      }),
    );
    t.notOk(back);
    t.equal(await model.read(0, SECTORS), undefined);
    await bench.array.close();
  },
);

await t.test(
  'a clean stop leaves nothing to make equal; an unclean one no more than was written',
  async (t) => {
    const { bench, model } = await filled();
    await model.write(40, 8, false);
    await bench.array.close();
    await bench.open();
    t.equal(bench.array.status().unequalRegions, 0);
    await model.write(40, 8, false);
    bench.cut();
    model.cut();
    await bench.open();
    t.equal(bench.array.status().unequalRegions, 1);
    const durable = bench.members[1]!.faults.countOf('write-fua');
    t.equal(await model.read(44, 1), undefined);
    t.ok(bench.members[1]!.faults.countOf('write-fua') > durable, 'what is shown is on the mirror for good');
    t.ok(await bench.healthy());
    t.equal(await model.read(0, SECTORS), undefined);
    await bench.array.close();
  },
);

await t.test('write-intent bits are cleared some time after the writes, without a stop', async (t) => {
  const { bench, model } = await filled();
  await model.write(0, SECTORS, false);
  const quiet = bench.scheduler.now() + millis(20_000);
  bench.scheduler.after(millis(20_000), () => {});
  await bench.until(() => bench.scheduler.now() >= quiet);
  bench.cut();
  await bench.open();
  t.equal(bench.array.status().unequalRegions, 0);
  await bench.array.close();
});

await t.test(
  'a drive that was exchanged is not trusted; a stretch that hung on it alone is refused',
  async (t) => {
    const { bench, model } = await filled();
    await bench.array.close();
    bench.exchange(0, 'OTHER');
    await bench.open();
    t.equal(bench.array.status().members[0]!.role, 'failed');
    t.equal(await model.read(0, SECTORS), undefined);
    t.match(await bench.array.addSpare(unitOf(0), { serial: 'OTHER', sectors: SECTORS - 1 }), { ok: false });
    t.ok(await bench.healthy());
    t.match(await bench.array.addSpare(unitOf(0), { serial: 'OTHER', sectors: SECTORS }), { ok: true });
    t.equal(rolesOf(bench)[0], 'spare ready');
    await bench.array.close();

    const single = new ArrayBench([64], { stretches: [{ span: unitOf(0) }] });
    await single.open();
    await single.array.close();
    single.exchange(0, 'OTHER');
    const error = await single.open().catch((thrown: unknown) => thrown);
    t.ok(hasCode(error, 'NS_ARRAY_FOREIGN'));
    single.cut();
  },
);

await t.test('another layout or other members than the stored ones are refused', async (t) => {
  const { bench } = await filled();
  await bench.array.close();
  const other = new ArrayBench(SIZES, { ...LAYOUT, spares: [unitOf(3), unitOf(2)] });
  Object.assign(other, { state: bench.state });
  t.ok(hasCode(await other.open().catch((thrown: unknown) => thrown), 'NS_ARRAY_LAYOUT'));
  const smaller = new ArrayBench([SECTORS, SECTORS, SECTORS, SECTORS + 9], LAYOUT);
  Object.assign(smaller, { state: bench.state });
  t.ok(hasCode(await smaller.open().catch((thrown: unknown) => thrown), 'NS_ARRAY_MEMBERSHIP'));
});

await t.test('a new pair is made equal before its mirror counts', async (t) => {
  const bench = new ArrayBench(
    [SECTORS, SECTORS],
    { stretches: [{ mirror: [unitOf(0), unitOf(1)] }] },
    SMALL_PIECES,
  );
  bench.members[0]!.device.bytes.fill(1);
  bench.members[1]!.device.bytes.fill(2);
  await bench.open();
  t.equal(bench.array.status().stretches[0]!.copies.length, 1);
  t.ok(await bench.healthy());
  t.ok(equalBytes(bench.members[0]!.device.bytes, bench.members[1]!.device.bytes));
  t.equal(bench.members[1]!.device.bytes[0], 1);
  await bench.array.close();
});

await t.test('orders that make no sense are refused in words', async (t) => {
  const { bench } = await filled();
  const { array } = bench;
  t.match(await array.fail('0000000000000000'), { ok: false, refusal: { code: 'ARRAY_REFUSED' } });
  t.match(await array.relocate(unitOf(2), unitOf(3), 'ready'), { ok: false });
  t.match(await array.addSpare(unitOf(0), { serial: 'S0', sectors: SECTORS }), { ok: false });
  t.match(await array.abandonCopy(), { ok: false });
  await array.fail(unitOf(0));
  t.match(await array.fail(unitOf(1)), { ok: false }, 'the last that holds it');
  await array.close();
});
