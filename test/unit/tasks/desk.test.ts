import t from 'tap';
import { allow, minutes, refuse, seconds, toHex } from '../../../src/base/index.ts';
import type { Verb } from '../../../src/protocol/index.ts';
import type { TaskKind, TaskRegistry } from '../../../src/tasks/index.ts';
import { deskBench, deskKeys } from '../../kit/desk.ts';
import { MemoryState } from '../../kit/memory-state.ts';

type Kind<V extends Verb> = TaskKind<V>;
const base = {
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: minutes(10),
  noProgress: minutes(1),
} as const;

const listed = { tasks: [] };
/** A queued task that ends when it is told to, under the verb task.list. */
function gatedTask(): { registry: TaskRegistry; open: () => void; runs: () => number } {
  let runs = 0;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const kind: Kind<'task.list'> = {
    ...base,
    verb: 'task.list',
    async run(_order, { signal }) {
      runs += 1;
      await Promise.race([
        gate,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      ]);
      return allow(listed);
    },
  };
  return { registry: { 'task.list': kind }, open, runs: () => runs };
}

const quick: Kind<'task.list'> = { ...base, verb: 'task.list', run: () => Promise.resolve(allow(listed)) };
const ask = { verb: 'task.list', args: {} };

await t.test('an accepted order gets exactly one receipt, which names it and its power trace', async (t) => {
  const bench = await deskBench({ registry: { 'task.list': quick } });
  const order = await bench.order(ask);
  t.same(await bench.submit(order), { is: 'accepted', ended: false });
  await bench.settle();
  const [receipt, ...more] = bench.receipts();
  t.same(more, []);
  t.match(receipt, { outcome: 'succeeded', verb: 'task.list', seq: 1 });
  t.same(receipt?.order, order.packetHash);
  t.same(
    receipt?.power.map(({ state }) => state),
    ['S5', 'S5'],
  );
});

await t.test('a receipt says who asked, by which clock, and where the audit log stands', async (t) => {
  const bench = await deskBench({ registry: { 'task.list': quick } });
  const order = await bench.order(ask);
  await bench.submit(order);
  await bench.settle();
  const [receipt] = bench.receipts();
  t.match(receipt?.askers, [{ name: 'olga', person: 'olga', role: 'operator' }]);
  t.same(receipt?.askers?.[0]?.key, bench.keys.operator.publicKey.keyId);
  t.equal(receipt?.clock?.floor, 0, 'a bench has no day of release');
  t.ok((receipt?.clock?.upMs ?? -1) >= 0);
  const { seq, hash } = bench.services.audit.head;
  t.same(receipt?.audit, { seq, hash }, 'its own entry is in it');
  t.equal(seq, 1);
});

await t.test('the same packet gets the same receipt again, before and after a restart', async (t) => {
  const bench = await deskBench({ registry: { 'task.list': quick } });
  const order = await bench.order(ask);
  await bench.submit(order);
  await bench.settle();
  const event = bench.events.find(({ kind }) => kind === 'receipt');
  const first = event?.kind === 'receipt' ? event.packet : undefined;
  t.same(await bench.submit(order), { is: 'known', receipt: first });
  const again = await deskBench({ registry: { 'task.list': quick }, store: bench.store, keys: bench.keys });
  await again.desk.resume();
  t.same(await again.submit(order), { is: 'known', receipt: first });
  t.same(again.receipts(), []);
});

await t.test('ten deliveries of one packet at once are one task', async (t) => {
  const bench = await deskBench({ registry: { 'task.list': quick } });
  const order = await bench.order(ask);
  const answers = await bench.clock.settle(
    Promise.all(Array.from({ length: 10 }, () => bench.desk.submit(order))),
    seconds(5),
  );
  await bench.settle();
  t.equal(answers.filter(({ is }) => is === 'accepted').length, 1);
  t.equal(answers.filter(({ is }) => is === 'known').length, 9);
  t.equal(bench.receipts().length, 1);
});

await t.test('another packet under the same id is refused, and nothing is done', async (t) => {
  const bench = await deskBench({ registry: { 'task.list': quick } });
  const order = await bench.order(ask);
  await bench.submit(order);
  await bench.settle();
  const other = await bench.order({ ...ask, id: order.order.id });
  t.match(await bench.submit(other), { is: 'refused', refusal: { code: 'ID_CONFLICT' } });
  t.equal(bench.receipts().length, 1);
});

await t.test('a used counter is refused, also after a restart and after a compaction', async (t) => {
  const bench = await deskBench({ registry: { 'task.list': quick } });
  const order = await bench.order(ask);
  await bench.submit(order);
  await bench.settle();
  const replay = { ...ask, ctr: order.order.ctr };
  t.match(await bench.submit(await bench.order(replay)), { is: 'refused', refusal: { code: 'REPLAYED' } });
  await bench.journal.compact();
  const again = await deskBench({ registry: { 'task.list': quick }, store: bench.store, keys: bench.keys });
  t.match(await again.submit(await again.order(replay)), { is: 'refused', refusal: { code: 'REPLAYED' } });
});

await t.test(
  'an order past its time is refused at once, and expires where its turn comes too late',
  async (t) => {
    const gated = gatedTask();
    const bench = await deskBench({ registry: gated.registry, maxRunning: 1 });
    const now = bench.clock.wallSeconds();
    t.match(await bench.submit(await bench.order({ ...ask, exp: now })), {
      is: 'refused',
      refusal: { code: 'EXPIRED' },
    });
    await bench.submit(await bench.order(ask));
    await bench.submit(await bench.order({ ...ask, exp: now + 5 }));
    await bench.settle(seconds(20));
    gated.open();
    await bench.settle();
    t.same(
      bench.receipts().map(({ outcome }) => outcome),
      ['succeeded', 'expired'],
    );
    t.equal(gated.runs(), 1);
  },
);

await t.test(
  'an order that is bound to a nonce expires in the queue by our own time, whatever the wall clock',
  async (t) => {
    const gated = gatedTask();
    const bench = await deskBench({ registry: gated.registry, maxRunning: 1 });
    const bound = (maxAge: number) => ({
      ...ask,
      exp: undefined,
      nonce: bench.freshness.giveNonce(bench.clock.monotonic()),
      maxAge,
    });
    t.match(await bench.submit(await bench.order(ask)), { is: 'accepted' });
    t.match(await bench.submit(await bench.order(bound(5))), { is: 'accepted' });
    t.match(await bench.submit(await bench.order(bound(600))), { is: 'accepted' });
    await bench.settle(seconds(20));
    gated.open();
    await bench.settle();
    t.same(
      bench.receipts().map(({ outcome }) => outcome),
      ['succeeded', 'expired', 'succeeded'],
    );
  },
);

await t.test('a full queue refuses, and takes again when tasks have ended', async (t) => {
  const gated = gatedTask();
  const bench = await deskBench({ registry: gated.registry, maxRunning: 1, maxOpen: 3 });
  for (let n = 0; n < 3; n += 1) t.match(await bench.submit(await bench.order(ask)), { is: 'accepted' });
  t.match(await bench.submit(await bench.order(ask)), { is: 'refused', refusal: { code: 'QUEUE_FULL' } });
  gated.open();
  await bench.settle();
  t.match(await bench.submit(await bench.order(ask)), { is: 'accepted' });
});

await t.test(
  'a task that does not end in time fails, and one that does not listen loses its slot',
  async (t) => {
    const deaf: Kind<'task.list'> = { ...base, verb: 'task.list', run: () => new Promise(() => {}) };
    const bench = await deskBench({ registry: { 'task.list': deaf } });
    await bench.submit(await bench.order(ask));
    await bench.settle(minutes(2));
    t.match(bench.receipts(), [{ outcome: 'failed', failure: { code: 'NS_TASK_NO_PROGRESS' } }]);
    t.same(bench.services.tasks.rows(), []);
  },
);

await t.test('progress never says all of it, and keeps a slow task alive', async (t) => {
  const slow: Kind<'task.list'> = {
    ...base,
    verb: 'task.list',
    async run(_order, { services, signal, progress }) {
      for (let done = 1; done <= 5; done += 1) {
        await services.clock.sleep(seconds(50), signal);
        progress('walking', done, 5);
      }
      return allow(listed);
    },
  };
  const bench = await deskBench({ registry: { 'task.list': slow } });
  await bench.submit(await bench.order(ask));
  await bench.settle(minutes(6));
  const said = bench.events.flatMap((event) => (event.kind === 'progress' ? [event.body.done] : []));
  t.same(said, [1, 2, 3, 4]);
  t.match(bench.receipts(), [{ outcome: 'succeeded' }]);
});

await t.test(
  'a refusal is an answer with code and remedy, a throw is a failure without a stack',
  async (t) => {
    const kinds: TaskRegistry = {
      'task.list': {
        ...base,
        verb: 'task.list',
        run: () => Promise.resolve(refuse('NO_SUCH_FILE', 'There is no /x.')),
      },
      'io.list': { ...base, verb: 'io.list', run: () => Promise.reject(new Error('kaboom')) },
    };
    const bench = await deskBench({ registry: kinds });
    await bench.submit(await bench.order(ask));
    await bench.submit(await bench.order({ verb: 'io.list', args: {} }));
    await bench.settle();
    const [refused, failed] = bench.receipts();
    t.match(refused, {
      outcome: 'refused',
      refusal: { code: 'NO_SUCH_FILE', sentence: 'There is no /x.', remedy: /ls/ },
    });
    t.match(failed, { outcome: 'failed', failure: { code: 'NS_INTERNAL', sentence: 'kaboom' } });
  },
);

await t.test('a verb that this device does not know is refused', async (t) => {
  const bench = await deskBench({ registry: {} });
  t.match(await bench.submit(await bench.order(ask)), { is: 'refused', refusal: { code: 'NOT_SUPPORTED' } });
});

await t.test('receipts form a chain that a third party can follow, across restarts', async (t) => {
  const { createHash } = await import('node:crypto');
  const store = new MemoryState();
  const keys = deskKeys();
  const packets: Uint8Array[] = [];
  for (let start = 0; start < 3; start += 1) {
    const bench = await deskBench({ registry: { 'task.list': quick }, store, keys });
    for (let n = 0; n < 3; n += 1) await bench.submit(await bench.order(ask));
    await bench.settle();
    for (const event of bench.events) if (event.kind === 'receipt') packets.push(event.packet);
    if (start === 1) await bench.journal.compact();
  }
  const bench = await deskBench({ registry: {}, store, keys });
  let prev = toHex(new Uint8Array(32));
  packets.forEach((packet, i) => {
    const receipt = bench.receiptOf(packet);
    t.equal(receipt.seq, i + 1);
    t.equal(toHex(receipt.prev), prev);
    prev = createHash('sha256').update(packet).digest('hex');
  });
  t.equal(packets.length, 9);
});

await t.test('a small journal makes room for ever, and open orders survive its compaction', async (t) => {
  const gated = gatedTask();
  const bench = await deskBench({
    registry: {
      ...gated.registry,
      'io.list': { ...base, verb: 'io.list', run: () => Promise.resolve(allow({ channels: [] })) },
    },
    journalSize: 512 * 1024,
    maxOpen: 3,
  });
  const held = await bench.order(ask);
  await bench.submit(held);
  for (let n = 0; n < 1500; n += 1) {
    const answer = await bench.submit(await bench.order({ verb: 'io.list', args: {} }));
    if (answer.is !== 'accepted') t.fail(`order ${n}: ${JSON.stringify(answer)}`);
    await bench.settle();
  }
  gated.open();
  await bench.settle();
  t.equal(bench.receipts().length, 1501);
  t.match(await bench.submit(held), { is: 'known' });
});
