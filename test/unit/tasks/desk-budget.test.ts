import t from 'tap';
import { allow, seconds } from '../../../src/base/index.ts';
import { BUDGET_DOCUMENTS } from '../../../src/security/index.ts';
import { machineDisable } from '../../../src/tasks/machine/lock.ts';
import type { TaskKind } from '../../../src/tasks/task.ts';
import { deskBench, deskKeys } from '../../kit/desk.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const registry = { 'machine.disable': machineDisable };
const disable = { verb: 'machine.disable', args: { reason: 'stolen' }, exp: undefined };

/** Own storage whose regions, the journal's among them, take no more writes: as where power goes just before. */
class HaltingState extends MemoryState {
  halted = false;

  override async region(name: string, size: number) {
    const device = await super.region(name, size);
    return Object.assign(Object.create(device), {
      write: (offset: number, data: Uint8Array) =>
        this.halted ? Promise.reject(new Error('no power')) : device.write(offset, data),
    });
  }
}

await t.test(
  'power that goes between the token and the journal: the order is taken when it comes again',
  async (t) => {
    const store = new HaltingState();
    const keys = deskKeys();
    const bench = await deskBench({ registry, store, keys });
    const order = await bench.order(disable);
    store.halted = true;
    await t.rejects(bench.submit(order));
    t.equal(bench.fatal.length, 1);
    t.equal(bench.lockout.enabled, true, 'nothing was done');
    store.halted = false;
    const again = await deskBench({ registry, store, keys });
    t.equal(again.journal.get(order.order.id), undefined, 'the journal knows nothing of it');
    const other = await again.order({ ...disable, token: order.order.token });
    t.match(await again.submit(other), { is: 'refused', refusal: { code: 'TOKEN_SPENT' } });
    t.match(await again.submit(order), { is: 'accepted' });
    await again.settle();
    t.match(again.receipts(), [{ outcome: 'succeeded' }]);
    t.match(await again.submit(order), { is: 'known' }, 'and answered the same from then on');
  },
);

await t.test('a token is on stable storage before its order is', async (t) => {
  const store = new MemoryState();
  const bench = await deskBench({ registry, store });
  const before = await store.readDocument(BUDGET_DOCUMENTS[1]);
  const admitted = await bench.order(disable);
  const spent: boolean[] = [];
  const append = bench.journal.append.bind(bench.journal);
  bench.journal.append = async (record) => {
    if (record.r === 'received') spent.push((await store.readDocument(BUDGET_DOCUMENTS[1])) !== before);
    return append(record);
  };
  await bench.submit(admitted);
  t.same(spent, [true]);
});

await t.test('what is refused for another reason uses up no token', async (t) => {
  const bench = await deskBench({ registry, maxOpen: 4 });
  const late = await bench.order({ ...disable, nbf: 4_000_000_000 });
  t.match(await bench.submit(late), { is: 'refused', refusal: { code: 'NOT_YET_VALID' } });
  const none = await bench.order({ ...disable, verb: 'machine.enable', exp: 4_000_000_000 });
  t.match(await bench.submit(none), { is: 'refused', refusal: { code: 'NOT_SUPPORTED' } });
  t.match(await bench.submit(await bench.order({ ...disable, token: late.order.token })), { is: 'accepted' });
});

await t.test('an order that a restart takes up asks the budget no second time', async (t) => {
  const busy: TaskKind<'file.delete'> = {
    verb: 'file.delete',
    pace: 'queued',
    pure: false,
    whileDisabled: false,
    deadline: seconds(60),
    noProgress: seconds(60),
    run: async () =>
      allow({
        volume: { name: 'v', type: 'ext4', label: '', uuid: '', stale: false, notes: [] },
        removed: 1,
        effect: { hash: new Uint8Array(32), blocks: 0, bytes: 0, changes: [] },
        dryRun: false,
      }),
  };
  const store = new MemoryState();
  const keys = deskKeys();
  const waiting: TaskKind<'file.delete'> = {
    ...busy,
    run: (_order, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  };
  const first = await deskBench({ registry: { 'file.delete': waiting }, store, keys });
  const admitted = await first.order({ verb: 'file.delete', args: { path: '/srv', recursive: true } });
  t.match(await first.submit(admitted), { is: 'accepted' });
  await first.desk.stop();
  const governor = deskKeys().governor;
  const next = await deskBench({ registry: { 'file.delete': busy }, store, keys: { ...keys, governor } });
  await next.desk.resume();
  await next.settle();
  t.match(next.receipts(), [{ id: admitted.order.id, outcome: 'succeeded' }]);
  t.same(first.receipts(), []);
});
