import t from 'tap';
import { hours, minutes } from '../../../../src/base/index.ts';
import { benchOf, notes, off, remove, staged, World } from '../../../kit/staged-bench.ts';

await t.test('staged while the host is on, done once when it is off, and answered once', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  const order = await staged(bench);
  t.same(notes(bench), ['HOST_AWAKE']);
  await bench.settle(hours(5));
  t.same(
    [world.tries, world.prepared, bench.receipts().length],
    [0, 1, 0],
    'nobody asks the disk of a host that is on',
  );
  t.match(await bench.submit(order), { is: 'known', staged: { waits: { code: 'HOST_AWAKE' } } });
  await off(bench);
  t.same(world.done, ['/a']);
  t.match(bench.receipts(), [{ outcome: 'succeeded', id: order.order.id }]);
  t.match(await bench.submit(order), { is: 'known', receipt: Uint8Array });
  bench.host.set('S0');
  await off(bench);
  t.same(world.done, ['/a']);
  t.equal(bench.receipts().length, 1);
});

await t.test(
  'an order that is not staged is refused as ever, and so is a staged one that time does not mend',
  async (t) => {
    const world = new World();
    const bench = await benchOf(world);
    world.why = 'HOST_AWAKE';
    await bench.submit(await bench.order(remove('/plain', 'no')));
    world.why = undefined;
    await bench.settle();
    world.why = 'PATH_PROTECTED';
    await bench.submit(await bench.order(remove('/staged')));
    await bench.settle();
    t.match(bench.receipts(), [
      { outcome: 'refused', refusal: { code: 'HOST_AWAKE' } },
      { outcome: 'refused', refusal: { code: 'PATH_PROTECTED' } },
    ]);
    t.same(notes(bench), []);
  },
);

await t.test('a volume that is not clean is looked at again and again, ever more seldom', async (t) => {
  const world = new World();
  world.why = 'VOLUME_DIRTY';
  const bench = await benchOf(world);
  await bench.submit(await bench.order(remove('/a')));
  await bench.settle(hours(1));
  const early = world.tries;
  await bench.settle(hours(10));
  t.ok(early > 4 && early < 10, `${early} in the first hour`);
  t.ok(world.tries - early <= 10, `${world.tries - early} in the next ten`);
  world.why = undefined;
  await bench.settle(hours(1));
  t.match(bench.receipts(), [{ outcome: 'succeeded' }]);
});

await t.test('an order that went stale while it waited is done all the same', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  bench.host.set('S0');
  await bench.submit(await bench.order({ ...remove('/a'), exp: bench.clock.wallSeconds() + 600 }));
  await bench.settle(hours(2));
  await off(bench);
  t.match(bench.receipts(), [{ outcome: 'succeeded' }]);
});

await t.test(
  'orders that wait take no place of others, and go in the order of their acceptance',
  async (t) => {
    const world = new World();
    const bench = await benchOf(world, { maxOpen: 2, maxRunning: 1 });
    for (const name of 'abcdef') await staged(bench, `/${name}`);
    const plain = await bench.order(remove('/plain', 'no'));
    t.match(await bench.submit(plain), { is: 'accepted' });
    await bench.settle();
    t.same(world.done, ['/plain']);
    t.same(
      notes(bench),
      Array.from('abcdef', () => 'HOST_AWAKE'),
    );
    await off(bench);
    t.same(world.done, ['/plain', '/a', '/b', '/c', '/d', '/e', '/f']);
  },
);

await t.test('so many are staged and no more, nor more bytes than there is room for', async (t) => {
  const world = new World();
  const bench = await benchOf(world, { journalSize: 8 * 1024 * 1024, maxOpen: 32 });
  for (let i = 0; i < 64; i += 1) await staged(bench, `/${i}`);
  t.match(await bench.submit(await bench.order(remove('/more'))), {
    is: 'refused',
    refusal: { code: 'STAGED_FULL' },
  });
  const put = { path: '/p', size: 2 * 1024 * 1024, sha256: new Uint8Array(32), stage: {} };
  const other = await benchOf(world, {
    registry: { 'file.download': { ...world.kind, verb: 'file.download' } as never },
  });
  t.match(await other.submit(await other.order({ verb: 'file.download', args: put })), {
    is: 'refused',
    refusal: { code: 'STAGED_FULL', sentence: /2097152 bytes/ },
  });
  t.match(
    await other.submit(await other.order({ verb: 'file.download', args: { ...put, size: 1, dryRun: true } })),
    { is: 'refused', refusal: { code: 'MESSAGE_INVALID' } },
  );
});

await t.test(
  'the list says what there is, what each waits for, and what became of those before',
  async (t) => {
    const world = new World();
    const bench = await benchOf(world);
    await staged(bench, '/first', { seconds: 60 });
    await bench.settle(minutes(2));
    const { order } = await staged(bench, '/second', { seconds: 3600 });
    await bench.submit(await bench.order({ verb: 'staged.list', args: {} }));
    await bench.settle();
    t.match(bench.receipts().at(-1)?.result, {
      orders: [
        {
          id: order.id,
          verb: 'file.delete',
          place: '/second',
          state: 'waiting',
          waits: { code: 'HOST_AWAKE' },
          tries: 0,
          leftSeconds: 3599,
        },
      ],
      ended: [{ place: '/first', outcome: 'expired', code: 'STAGED_ENDED' }],
    });
  },
);
