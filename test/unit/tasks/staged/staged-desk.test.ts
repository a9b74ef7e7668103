import t from 'tap';
import {
  allow,
  days,
  hours,
  minutes,
  type Refusal,
  type RefusalCode,
  refusal,
  refuse,
  seconds,
} from '../../../../src/base/index.ts';
import { LeaseEnded } from '../../../../src/bmc/index.ts';
import type { OrderStanding } from '../../../../src/tasks/desk-options.ts';
import { taskCancel } from '../../../../src/tasks/desk-work/tasks.ts';
import { machineDisable } from '../../../../src/tasks/machine/lock.ts';
import { stagedList } from '../../../../src/tasks/staged/list.ts';
import { STAGED_DOCUMENT } from '../../../../src/tasks/staged/staged-record.ts';
import type { TaskKind } from '../../../../src/tasks/task.ts';
import { type DeskBenchOptions, deskBench } from '../../../kit/desk.ts';

/** What is on the disk, as a kind of task sees it that removes files by making a note of their paths. */
class World {
  readonly done: string[] = [];
  tries = 0;
  prepared = 0;
  why: RefusalCode | undefined;
  /** Holds each run until it is told to stop. */
  hang = false;
  /** The host wants its disk back in the middle of the change, which is then not there. */
  wakes = false;

  readonly kind: TaskKind<'file.delete'> = {
    verb: 'file.delete',
    pace: 'queued',
    pure: false,
    whileDisabled: false,
    deadline: hours(3),
    noProgress: hours(3),
    prepare: async () => {
      this.prepared += 1;
      return allow(undefined);
    },
    run: async ({ args }, { effect, signal }) => {
      this.tries += 1;
      if (this.hang)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      if (this.why !== undefined) return refuse(this.why);
      return effect({ path: args.path }, async () => {
        if (this.wakes) throw new LeaseEnded('disk0', refusal('HOST_WAKING'));
        this.done.push(args.path);
        return allow({
          volume: { name: 'disk0p1', type: 'ext4', label: '', uuid: 'u', stale: false, notes: [] },
          removed: 1,
          effect: { hash: new Uint8Array(32), blocks: 1, bytes: 4096, changes: [] },
          dryRun: false,
        });
      });
    },
    fate: (facts) => Promise.resolve(this.done.includes(String(facts.path)) ? 'done' : 'absent'),
    resultOf: () => Promise.reject(new Error('not part of this test')),
  };
}

const remove = (path: string, stage: { seconds?: number } | 'no' = {}) => ({
  verb: 'file.delete',
  args: { path, ...(stage === 'no' ? {} : { stage }) },
});

async function benchOf(world: World, options: Partial<DeskBenchOptions> = {}) {
  const registry = {
    'file.delete': world.kind,
    'task.cancel': taskCancel,
    'staged.list': stagedList,
    'machine.disable': machineDisable,
  };
  const bench = await deskBench({ registry, ...options });
  await bench.clock.settle(bench.desk.resume(), seconds(60));
  return bench;
}

type Bench = Awaited<ReturnType<typeof benchOf>>;

const notes = (bench: Bench) =>
  bench.events.flatMap((event) => (event.kind === 'staged' ? [event.body.waits.code] : []));

/** Stages one while the host is on. */
async function staged(bench: Bench, path = '/a', stage = {}) {
  bench.host.set('S0');
  const order = await bench.order(remove(path, stage));
  const submission = await bench.submit(order);
  if (submission.is !== 'accepted') throw new Error(JSON.stringify(submission));
  await bench.settle(seconds(1));
  return order;
}

const off = async (bench: Bench) => {
  bench.host.set('S5');
  await bench.settle(minutes(1));
};

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

await t.test('the end of its time drops it, with what it waited for', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  await staged(bench, '/a', { seconds: 3600 });
  await bench.settle(minutes(59));
  t.same(bench.receipts(), []);
  await bench.settle(minutes(2));
  t.match(bench.receipts(), [
    { outcome: 'expired', refusal: { code: 'STAGED_ENDED', sentence: /HOST_AWAKE/ } },
  ]);
  await off(bench);
  t.same(world.done, []);
});

await t.test(
  'time is counted while the device runs, over restarts, and seven days are the rule',
  async (t) => {
    const world = new World();
    let bench = await benchOf(world);
    await staged(bench);
    for (let day = 0; day < 6; day += 1) {
      await bench.settle(days(1));
      await bench.clock.settle(bench.desk.stop(), seconds(60));
      bench = await benchOf(world, { store: bench.store, keys: bench.keys });
      bench.host.set('S0');
    }
    await bench.settle(hours(23));
    t.same(bench.receipts(), []);
    await bench.settle(hours(2));
    t.match(bench.receipts(), [{ outcome: 'expired', refusal: { code: 'STAGED_ENDED' } }]);
  },
);

await t.test('a cancel ends it at once', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  const { order } = await staged(bench);
  t.same(
    bench.services.tasks.rows().map(({ stage }) => stage),
    ['staged, waits: HOST_AWAKE'],
  );
  await bench.submit(await bench.order({ verb: 'task.cancel', args: { task: order.id } }));
  await bench.settle();
  t.match(
    bench.receipts().find(({ verb }) => verb === 'file.delete'),
    { outcome: 'cancelled', refusal: { code: 'CANCELLED' } },
  );
  await off(bench);
  t.same(world.done, []);
});

await t.test('a machine that is disabled drops what is staged', async (t) => {
  const world = new World();
  const bench = await benchOf(world);
  await staged(bench);
  await bench.submit(await bench.order({ verb: 'machine.disable', args: {}, exp: undefined }));
  await bench.settle(seconds(30));
  t.match(
    bench.receipts().find(({ verb }) => verb === 'file.delete'),
    { outcome: 'cancelled', refusal: { code: 'DISABLED' } },
  );
});

await t.test('a key that is removed meanwhile, or a grant that ends, drops it', async (t) => {
  const gone: { why?: Refusal } = {};
  const stands: OrderStanding = {
    begins: () => (gone.why === undefined ? allow(undefined) : { ok: false, refusal: gone.why }),
    paths: () => undefined,
  };
  const world = new World();
  const bench = await benchOf(world, { stands });
  await staged(bench);
  gone.why = refusal('KEY_UNKNOWN');
  bench.desk.reconsider();
  await bench.settle();
  t.match(
    bench.receipts(),
    [{ outcome: 'refused', refusal: { code: 'KEY_UNKNOWN' } }],
    'at once, where the keyring changes',
  );
  delete gone.why;
  await staged(bench, '/b');
  gone.why = refusal('KEY_EXPIRED');
  await off(bench);
  t.match(
    bench.receipts()[1],
    { outcome: 'refused', refusal: { code: 'KEY_EXPIRED' } },
    'by time: when it would be done',
  );
  t.same(world.done, []);
});

await t.test(
  'a grant for a host that is off is no reason against an order that waits for that',
  async (t) => {
    const stands: OrderStanding = {
      begins: (_order, power) =>
        power === 'S5' || power === 'later' ? allow(undefined) : refuse('OUT_OF_SCOPE'),
      paths: () => undefined,
    };
    const world = new World();
    const bench = await benchOf(world, { stands });
    await staged(bench);
    t.same(notes(bench), ['HOST_AWAKE']);
    await off(bench);
    t.same(world.done, ['/a']);
  },
);

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

await t.test('what own storage knew of them is damaged: none is obeyed', async (t) => {
  const world = new World();
  const first = await benchOf(world);
  await staged(first);
  await first.clock.settle(first.desk.stop(), seconds(60));
  const document = await first.store.readDocument(STAGED_DOCUMENT);
  document![document!.length - 3]! ^= 1;
  await first.store.writeDocument(STAGED_DOCUMENT, document!);
  const again = await benchOf(world, { store: first.store, keys: first.keys });
  await again.settle(minutes(5));
  t.match(again.receipts(), [{ outcome: 'cancelled', refusal: { code: 'STAGED_LOST' } }]);
  t.same(world.done, []);
});

await t.test(
  'stopped while it is tried, it is tried again; stopped while it waits, it waits on',
  async (t) => {
    const world = new World();
    const first = await benchOf(world);
    await staged(first);
    world.hang = true;
    await off(first);
    t.equal(world.tries, 1);
    await first.clock.settle(first.desk.stop(), seconds(60));
    t.same(first.receipts(), []);
    world.hang = false;
    const again = await benchOf(world, { store: first.store, keys: first.keys });
    await again.settle(minutes(5));
    t.same(world.done, ['/a']);
    t.match(again.receipts(), [{ outcome: 'succeeded' }]);
    t.equal(again.services.staged?.rows().length, 0);
  },
);

await t.test('a host that wakes in the middle of it has its disk, and all is judged again', async (t) => {
  const gone: { why?: Refusal } = {};
  const stands: OrderStanding = {
    begins: () => (gone.why === undefined ? allow(undefined) : { ok: false, refusal: gone.why }),
    paths: () => undefined,
  };
  const world = new World();
  const bench = await benchOf(world, { stands });
  world.wakes = true;
  await bench.submit(await bench.order(remove('/a')));
  await bench.submit(await bench.order(remove('/b')));
  await bench.settle(seconds(1));
  t.same(notes(bench).toSorted(), ['HOST_WAKING', 'STAGED_BEHIND']);
  world.wakes = false;
  gone.why = refusal('KEY_UNKNOWN');
  bench.desk.reconsider();
  await bench.settle(minutes(5));
  t.match(bench.receipts(), [
    { outcome: 'refused', refusal: { code: 'KEY_UNKNOWN' } },
    { outcome: 'refused', refusal: { code: 'KEY_UNKNOWN' } },
  ]);
  t.same(world.done, []);
});
