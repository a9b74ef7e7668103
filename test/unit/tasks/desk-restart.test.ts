import t from 'tap';
import { allow, minutes, NsError, refuse, seconds } from '../../../src/base/index.ts';
import type { Verb } from '../../../src/protocol/index.ts';
import { taskCancel } from '../../../src/tasks/desk-work/tasks.ts';
import { machineDisable, machineEnable } from '../../../src/tasks/machine/lock.ts';
import type { EffectFate, TaskKind } from '../../../src/tasks/task.ts';
import { deskBench } from '../../kit/desk.ts';

const base = {
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(10),
  noProgress: minutes(10),
} as const;
const listed = { tasks: [] };
const ask = { verb: 'task.list', args: {} };

/** A task with one effect: adds one to a number outside, and then hangs until it is stopped, if so told. */
function counting(world: {
  effects: number;
  hang: 'before' | 'within' | 'after' | 'never';
  fate?: EffectFate;
}): TaskKind<'task.list'> {
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  return {
    ...base,
    verb: 'task.list',
    async run(_order, { effect, signal }) {
      if (world.hang === 'before') await hang(signal);
      const done = await effect({ what: 'count' }, async () => {
        world.effects += 1;
        if (world.hang === 'within') await hang(signal);
        return allow(listed);
      });
      if (world.hang === 'after') await hang(signal);
      return done;
    },
    fate: () => Promise.resolve(world.fate ?? 'unknown'),
    resultOf: () => Promise.resolve(listed),
  };
}

async function stoppedAndStarted(world: Parameters<typeof counting>[0]) {
  const first = await deskBench({ registry: { 'task.list': counting(world) } });
  await first.submit(await first.order(ask));
  await first.settle();
  await first.clock.settle(first.desk.stop(), seconds(30));
  const before = first.receipts();
  world.hang = 'never';
  const second = await deskBench({
    registry: { 'task.list': counting(world) },
    store: first.store,
    keys: first.keys,
  });
  await second.desk.resume();
  await second.settle(seconds(5));
  return { before, after: second.receipts(), second };
}

await t.test('stopped before its effect, a task runs at the next start', async (t) => {
  const world = { effects: 0, hang: 'before' as const };
  const { before, after } = await stoppedAndStarted(world);
  t.same(before, []);
  t.match(after, [{ outcome: 'succeeded' }]);
  t.equal(world.effects, 1);
});

for (const [fate, outcome, effects] of [
  ['absent', 'succeeded', 2],
  ['done', 'succeeded', 1],
  ['unknown', 'unknown', 1],
] as const) {
  await t.test(`stopped within its effect, which then proves ${fate}: ${outcome}`, async (t) => {
    const world = { effects: 0, hang: 'within' as const, fate };
    const { before, after } = await stoppedAndStarted(world);
    t.same(before, []);
    t.match(after, [{ outcome }]);
    t.equal(world.effects, effects);
  });
}

await t.test('stopped after its effect, a task is answered and not done again', async (t) => {
  const world = { effects: 0, hang: 'after' as const };
  const { after, second } = await stoppedAndStarted(world);
  t.match(after, [{ outcome: 'succeeded' }]);
  t.equal(world.effects, 1);
  const third = await deskBench({
    registry: { 'task.list': counting(world) },
    store: second.store,
    keys: second.keys,
  });
  await third.desk.resume();
  await third.settle(seconds(5));
  t.same(third.receipts(), []);
});

await t.test('an effect that was refused counts as absent', async (t) => {
  let tries = 0;
  const kind: TaskKind<'task.list'> = {
    ...base,
    verb: 'task.list',
    async run(_order, { effect }) {
      return effect({ what: 'x' }, () => {
        tries += 1;
        return Promise.resolve(refuse('NO_SPACE'));
      });
    },
  };
  const bench = await deskBench({ registry: { 'task.list': kind } });
  await bench.submit(await bench.order(ask));
  await bench.settle();
  t.match(bench.receipts(), [{ outcome: 'refused', refusal: { code: 'NO_SPACE' } }]);
  t.equal(tries, 1);
});

await t.test(
  'an effect that throws is looked at: absent fails, done succeeds, unknown says so',
  async (t) => {
    for (const [fate, outcome] of [
      ['absent', 'failed'],
      ['done', 'succeeded'],
      ['unknown', 'unknown'],
    ] as const) {
      const kind: TaskKind<'task.list'> = {
        ...base,
        verb: 'task.list',
        run: (_order, { effect }) =>
          effect({ what: 'x' }, () => Promise.reject(new NsError('NS_BLOCK_IO', 'bad sector'))),
        fate: () => Promise.resolve(fate),
        resultOf: () => Promise.resolve(listed),
      };
      const bench = await deskBench({ registry: { 'task.list': kind } });
      await bench.submit(await bench.order(ask));
      await bench.settle();
      t.match(bench.receipts(), [{ outcome }], fate);
    }
  },
);

await t.test('cancel ends a running and a waiting task in a terminal state', async (t) => {
  const world = { effects: 0, hang: 'before' as const };
  const registry = { 'task.list': counting(world), 'task.cancel': taskCancel };
  const bench = await deskBench({ registry, maxRunning: 1 });
  const running = await bench.order(ask);
  const waiting = await bench.order(ask);
  await bench.submit(running);
  await bench.submit(waiting);
  for (const { order } of [waiting, running]) {
    await bench.submit(await bench.order({ verb: 'task.cancel', args: { task: order.id } }));
    await bench.settle();
  }
  const ends = bench.receipts().filter(({ verb }) => verb === 'task.list');
  t.match(ends, [{ outcome: 'cancelled' }, { outcome: 'cancelled' }]);
  t.equal(world.effects, 0);
  t.same(bench.services.tasks.rows(), []);
  await bench.submit(await bench.order({ verb: 'task.cancel', args: { task: running.order.id } }));
  await bench.settle();
  t.match(bench.receipts().at(-1), { outcome: 'refused', refusal: { code: 'NO_SUCH_TASK' } });
});

await t.test(
  'disable waits for nobody: it overtakes a full queue and stops what works on the machine',
  async (t) => {
    const verb: Verb = 'file.stat';
    const busy: TaskKind<'file.stat'> = {
      ...base,
      verb,
      run: (_order, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    };
    const bench = await deskBench({
      registry: { 'file.stat': busy, 'machine.disable': machineDisable },
      maxRunning: 1,
      maxOpen: 4,
    });
    const read = { verb, args: { path: '/etc/hostname' } };
    for (let n = 0; n < 4; n += 1) await bench.submit(await bench.order(read));
    t.match(await bench.submit(await bench.order(read)), { is: 'refused', refusal: { code: 'QUEUE_FULL' } });
    await bench.submit(
      await bench.order({ verb: 'machine.disable', args: { reason: 'stolen' }, exp: undefined }),
    );
    await bench.settle();
    const receipts = bench.receipts();
    const lock = receipts.find((receipt) => receipt.verb === 'machine.disable');
    t.match(lock, {
      outcome: 'succeeded',
      result: { changed: true, lock: { state: 'disabled', inForce: ['power-button-masked'] } },
    });
    const others = receipts.filter((receipt) => receipt.verb === verb);
    t.equal(others.length, 4);
    t.ok(others.every(({ outcome, refusal }) => outcome === 'cancelled' && refusal?.code === 'DISABLED'));
    await bench.submit(await bench.order(read));
    await bench.settle();
    t.match(bench.receipts().at(-1), { outcome: 'refused', refusal: { code: 'DISABLED' } });
  },
);

await t.test(
  'a disable that was held back on its way does not undo a later enable of the same key',
  async (t) => {
    const registry = { 'machine.disable': machineDisable, 'machine.enable': machineEnable };
    const bench = await deskBench({ registry });
    const lock = (verb: Verb) =>
      bench.order({ verb, args: {}, exp: verb === 'machine.disable' ? undefined : 4_000_000_000 });
    const [first, heldBack, release] = [
      await lock('machine.disable'),
      await lock('machine.disable'),
      await lock('machine.enable'),
    ];
    await bench.submit(first);
    await bench.settle();
    await bench.submit(release);
    await bench.settle();
    await bench.submit(heldBack);
    await bench.settle();
    t.match(bench.receipts(), [
      { verb: 'machine.disable', outcome: 'succeeded' },
      { verb: 'machine.enable', outcome: 'succeeded' },
      { verb: 'machine.disable', outcome: 'refused', refusal: { code: 'REPLAYED' } },
    ]);
    t.equal(bench.lockout.enabled, true);
    const again = await deskBench({ registry, store: bench.store, keys: bench.keys });
    t.equal(
      again.lockout.latestOrder(bench.keys.operator.publicKey.keyId),
      release.order.ctr,
      'also after a restart',
    );
  },
);

await t.test(
  'an enable that was held back on its way does not undo a disable that was repeated since',
  async (t) => {
    const registry = { 'machine.disable': machineDisable, 'machine.enable': machineEnable };
    for (const restarted of [false, true]) {
      const bench = await deskBench({ registry });
      const disable = { verb: 'machine.disable', args: {}, exp: undefined };
      const first = await bench.order(disable);
      const heldBack = await bench.order({ verb: 'machine.enable', args: {}, exp: 4_000_000_000 });
      const second = await bench.order(disable);
      for (const order of [first, second]) {
        await bench.submit(order);
        await bench.settle();
      }
      t.match(bench.receipts(), [
        { outcome: 'succeeded', result: { changed: true, lock: { version: 1 } } },
        { outcome: 'succeeded', result: { changed: false, lock: { version: 1 } } },
      ]);
      const after = restarted ? await deskBench({ registry, store: bench.store, keys: bench.keys }) : bench;
      await after.submit(heldBack);
      await after.settle();
      t.match(after.receipts().at(-1), { outcome: 'refused', refusal: { code: 'REPLAYED' } });
      t.equal(after.lockout.enabled, false);
    }
  },
);

await t.test('after a restart the lock record tells whether an order changed it', async (t) => {
  const bench = await deskBench({ registry: { 'machine.disable': machineDisable } });
  const { order } = await bench.order({ verb: 'machine.disable', args: {}, exp: undefined });
  const { signal } = new AbortController();
  const fate = (counter: number) => machineDisable.fate?.({ by: order.iss, counter }, bench.services, signal);
  t.equal(await fate(order.ctr), 'absent');
  await bench.clock.settle(bench.lockout.disable({ by: order.iss, counter: order.ctr }), seconds(10));
  t.equal(await fate(order.ctr), 'done');
  t.equal(await fate(order.ctr + 1), 'absent');
  t.equal(await fate(order.ctr - 1), 'unknown', 'a later order has written over it');
  const result = bench.clock.settle(
    machineDisable.resultOf!(order as never, {}, bench.services, () => Promise.resolve(true)),
    seconds(10),
  );
  t.match(await result, { changed: true, lock: { state: 'disabled' } });
});
