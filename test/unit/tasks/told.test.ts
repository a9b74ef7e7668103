import t from 'tap';
import { allow, minutes, seconds } from '../../../src/base/index.ts';
import type { BlockDevice } from '../../../src/ports/index.ts';
import type { TaskKind } from '../../../src/tasks/task.ts';
import { deskBench } from '../../kit/desk.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const ask = { verb: 'task.list', args: {} };
const quick: TaskKind<'task.list'> = {
  verb: 'task.list',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(10),
  noProgress: minutes(10),
  run: () => Promise.resolve(allow({ tasks: [] })),
};
const registry = { 'task.list': quick };

async function answered(count: number, options: Partial<Parameters<typeof deskBench>[0]> = {}) {
  const bench = await deskBench({ registry, ...options });
  const ids: Uint8Array[] = [];
  for (let n = 0; n < count; n += 1) {
    const order = await bench.order(ask);
    await bench.submit(order);
    await bench.settle();
    ids.push(order.order.id);
  }
  return { bench, ids };
}

const idsOf = (left: readonly { readonly id: Uint8Array }[]) => left.map(({ id }) => id);

await t.test('a receipt that no broker is known to have is there to be sent after a restart', async (t) => {
  const { bench, ids } = await answered(3);
  bench.desk.told(ids[1]!);
  await bench.settle(seconds(3));
  const again = await deskBench({ registry, store: bench.store, keys: bench.keys });
  t.same(idsOf(again.desk.untold()), [ids[0], ids[2]]);
  t.same(again.desk.untold()[0]?.packet, bench.journal.get(ids[0]!)?.done?.receipt);
});

await t.test('what was told is kept by a stop and by whatever is written next, without a wait', async (t) => {
  const { bench, ids } = await answered(2);
  bench.desk.told(ids[0]!);
  await bench.submit(await bench.order(ask));
  const cut = await deskBench({ registry, store: bench.store, keys: bench.keys });
  t.notOk(idsOf(cut.desk.untold()).some((id) => Buffer.from(id).equals(ids[0]!)));
  bench.desk.told(ids[1]!);
  await bench.clock.settle(bench.desk.stop(), seconds(30));
  const stopped = await deskBench({ registry, store: bench.store, keys: bench.keys });
  t.notOk(idsOf(stopped.desk.untold()).some((id) => Buffer.from(id).equals(ids[1]!)));
});

await t.test('a compacted journal still knows what was told', async (t) => {
  const { bench, ids } = await answered(4);
  bench.desk.told(ids[2]!);
  await bench.journal.compact();
  const again = await deskBench({ registry, store: bench.store, keys: bench.keys });
  t.same(idsOf(again.desk.untold()), [ids[0], ids[1], ids[3]]);
});

/** Storage whose flushes wait while `held`. */
function slowStore() {
  const store = new MemoryState();
  const waiting: (() => void)[] = [];
  const state = { held: false };
  store.wrap = (device): BlockDevice => ({
    name: device.name,
    trim: (...args) => device.trim(...args),
    capabilities: device.capabilities,
    read: (...args) => device.read(...args),
    write: (...args) => device.write(...args),
    flush: async (...args) => {
      if (state.held) await new Promise<void>((resolve) => waiting.push(resolve));
      await device.flush(...args);
    },
    close: () => device.close(),
  });
  const release = () => {
    state.held = false;
    for (const go of waiting.splice(0)) go();
  };
  return { store, state, release };
}

await t.test(
  'a receipt that is not durable yet is given to nobody, however often its order comes',
  async (t) => {
    const { store, state, release } = slowStore();
    let end = () => {};
    const slow: TaskKind<'task.list'> = {
      ...quick,
      run: () =>
        new Promise((resolve) => {
          end = () => resolve(allow({ tasks: [] }));
        }),
    };
    const bench = await deskBench({ registry: { 'task.list': slow }, store });
    const order = await bench.order(ask);
    await bench.submit(order);
    await bench.settle();
    // The audit log has its own region: it may be written, the journal may not.
    bench.services.audit.append = () => Promise.resolve(bench.services.audit.head);
    state.held = true;
    end();
    await bench.settle();
    t.same(await bench.submit(order), { is: 'known' });
    t.same(bench.receipts(), []);
    release();
    await bench.settle();
    t.match(bench.receipts(), [{ outcome: 'succeeded' }]);
    t.same((await bench.submit(order)).is, 'known');
    t.match(await bench.submit(order), { receipt: bench.journal.get(order.order.id)?.done?.receipt });
  },
);

await t.test(
  'looking for an effect waits until the target is free, and keeps others away from it',
  async (t) => {
    const holders: string[] = [];
    let hang = true;
    const enter = async (who: string, work: Promise<void>) => {
      if (holders.length > 0) t.fail(`${who} came while ${holders.join()} was there`);
      holders.push(who);
      await work;
      holders.pop();
    };
    const first = await deskBench({ registry: { 'task.list': kind() } });
    await first.submit(await first.order(ask));
    await first.settle();
    await first.clock.settle(first.desk.stop(), seconds(30));
    hang = false;
    const second = await deskBench({
      registry: { 'task.list': kind() },
      store: first.store,
      keys: first.keys,
    });
    await second.desk.resume();
    await second.submit(await second.order(ask));
    await second.settle(seconds(20));
    t.match(second.receipts(), [{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);

    function kind(): TaskKind<'task.list'> {
      return {
        ...quick,
        async run(_order, { claim, effect, signal, services }) {
          await claim('the target', 'write');
          return effect({ what: 'x' }, async () => {
            if (hang)
              await new Promise<never>((_, reject) =>
                signal.addEventListener('abort', () => reject(signal.reason)),
              );
            await enter('the task', services.clock.sleep(seconds(1), signal));
            return allow({ tasks: [] });
          });
        },
        fateOf: 'the target',
        fate: async (_facts, { clock }, signal) => {
          await enter('the look', clock.sleep(seconds(1), signal));
          return 'absent';
        },
      };
    }
  },
);
