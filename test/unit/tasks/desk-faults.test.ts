import t from 'tap';
import { allow, hours, minutes, NsError, seconds } from '../../../src/base/index.ts';
import type { BlockDevice } from '../../../src/ports/index.ts';
import type { TaskKind } from '../../../src/tasks/index.ts';
import { deskBench } from '../../kit/desk.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const base = {
  verb: 'task.list',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(10),
  noProgress: minutes(10),
} as const;
const listed = { tasks: [] };
const ask = { verb: 'task.list', args: {} };
const broken = () => Promise.reject(new NsError('NS_BLOCK_IO', 'the disk does not answer'));

/** A task whose effect begins and does not tell how it ended. */
const cutOff: TaskKind<'task.list'> = {
  ...base,
  run: (_order, { effect }) => effect({ what: 'count' }, broken),
};

for (const [what, kind] of [
  ['the look at its target fails', { ...cutOff, fate: broken, resultOf: () => Promise.resolve(listed) }],
  [
    'its result cannot be told',
    { ...cutOff, fate: () => Promise.resolve('done' as const), resultOf: broken },
  ],
] as const) {
  await t.test(`an effect that began is unknown, not failed, where ${what}`, async (t) => {
    const bench = await deskBench({ registry: { 'task.list': kind } });
    await bench.submit(await bench.order(ask));
    await bench.settle(seconds(1));
    t.match(bench.receipts(), [{ outcome: 'unknown', failure: { code: 'NS_TASK_UNKNOWN' } }]);
  });
}

await t.test('a task that does not listen is answered soon after its deadline, by the journal', async (t) => {
  const deaf: TaskKind<'task.list'> = {
    ...base,
    deadline: hours(1),
    noProgress: hours(1),
    async run(_order, { claim, effect }) {
      await claim('thing', 'write');
      return effect({ what: 'count' }, () => new Promise(() => {}));
    },
    fateOf: 'thing',
    fate: () => Promise.resolve('absent'),
    resultOf: () => Promise.resolve(listed),
  };
  const bench = await deskBench({ registry: { 'task.list': deaf } });
  await bench.submit(await bench.order(ask));
  await bench.settle(minutes(61));
  t.match(bench.receipts(), [{ outcome: 'unknown' }]);
});

await t.test('a packet that comes twice at once to a full queue is told twice that it is full', async (t) => {
  const idle: TaskKind<'task.list'> = { ...base, run: () => new Promise(() => {}) };
  const bench = await deskBench({ registry: { 'task.list': idle }, maxOpen: 1 });
  await bench.submit(await bench.order(ask));
  const order = await bench.order(ask);
  const answers = Promise.all([bench.desk.submit(order), bench.desk.submit(order)]);
  const full = { is: 'refused', refusal: { code: 'QUEUE_FULL' } } as const;
  t.match(await bench.clock.settle(answers, seconds(5)), [full, full]);
});

await t.test('an order that is stored while the desk stops waits for the next start', async (t) => {
  let runs = 0;
  const counted: TaskKind<'task.list'> = {
    ...base,
    run: () => {
      runs += 1;
      return Promise.resolve(allow(listed));
    },
  };
  const registry = { 'task.list': counted };
  const first = await deskBench({ registry });
  const order = await first.order(ask);
  const taken = first.desk.submit(order);
  await first.clock.settle(first.desk.stop(), seconds(30));
  t.match(await taken, { is: 'accepted' });
  t.equal(runs, 0);
  const second = await deskBench({ registry, store: first.store, keys: first.keys });
  await second.desk.resume();
  await second.settle(seconds(1));
  t.match(second.receipts(), [{ outcome: 'succeeded' }]);
});

/** Own storage that keeps nothing any more once it is told so, or never answers. */
function failingStore() {
  const store = new MemoryState();
  const failed = new Set<string>();
  const hanging = new Set<string>();
  const flushed = (device: BlockDevice, signal?: AbortSignal): Promise<void> => {
    if (hanging.has(device.name)) return new Promise(() => {});
    return failed.has(device.name) ? broken() : device.flush(signal);
  };
  store.wrap = (device): BlockDevice => ({
    name: device.name,
    capabilities: device.capabilities,
    read: (offset, into, signal) => device.read(offset, into, signal),
    write: (offset, data, signal) => device.write(offset, data, signal),
    flush: (signal) => flushed(device, signal),
    trim: (offset, length, signal) => device.trim(offset, length, signal),
    close: () => device.close(),
  });
  return {
    store,
    fail: (region: string) => failed.add(region),
    hang: (region: string) => hanging.add(region),
  };
}

const quick: TaskKind<'task.list'> = { ...base, run: () => Promise.resolve(allow(listed)) };

await t.test(
  'where the journal does not keep an order, it is not accepted, and the agent must end',
  async (t) => {
    const { store, fail } = failingStore();
    const bench = await deskBench({ registry: { 'task.list': quick }, store });
    fail('journal-a');
    await t.rejects(bench.submit(await bench.order(ask)), { code: 'NS_JOURNAL_IO' });
    t.match(bench.fatal, [{ code: 'NS_JOURNAL_IO' }]);
  },
);

await t.test(
  'where the audit log does not keep an end, no receipt goes out, and the agent must end',
  async (t) => {
    const { store, fail } = failingStore();
    const bench = await deskBench({ registry: { 'task.list': quick }, store });
    fail('audit');
    await bench.submit(await bench.order(ask));
    await bench.settle(seconds(1));
    t.same(bench.receipts(), []);
    t.match(bench.fatal, [{ code: 'NS_BLOCK_IO' }]);
  },
);

await t.test('a desk whose own storage hangs says, after a while, that it makes no progress', async (t) => {
  const { store, hang } = failingStore();
  const bench = await deskBench({ registry: { 'task.list': quick }, store });
  hang('audit');
  await bench.submit(await bench.order(ask));
  await bench.settle(minutes(14));
  t.equal(bench.desk.makesProgress(), true);
  await bench.settle(minutes(2));
  t.same([bench.receipts().length, bench.desk.makesProgress()], [0, false]);
});
