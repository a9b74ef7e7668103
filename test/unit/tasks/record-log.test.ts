import t from 'tap';
import { hasCode, toHex, utf8 } from '../../../src/base/index.ts';
import { RecordLog } from '../../../src/tasks/journal/log.ts';
import { MemoryState } from '../../kit/memory-state.ts';
import { PowerRail, seededRandom } from '../../kit/power-cut.ts';

const SIZE = 16 * 1024;

let session = 0;
function open(store: MemoryState) {
  session += 1;
  return RecordLog.open(store, SIZE, session);
}

/** Payloads of many lengths, each another, so that a leftover can never pass for a new record. */
function payload(n: number, random: () => number): Uint8Array {
  const bytes = new Uint8Array(8 + Math.floor(random() * 700));
  bytes.set(utf8(`rec${n}`));
  return bytes;
}

await t.test('records come back in order', async (t) => {
  const store = new MemoryState();
  const first = await open(store);
  t.same(first.payloads, []);
  await Promise.all([first.log.append([utf8('one')]), first.log.append([utf8('two'), utf8('three')])]);
  const second = await open(store);
  t.same(
    second.payloads.map((p) => Buffer.from(p).toString()),
    ['one', 'two', 'three'],
  );
});

await t.test('a rewrite replaces everything at once', async (t) => {
  const store = new MemoryState();
  const { log } = await open(store);
  await log.append([utf8('old')]);
  const waiting = log.append([utf8('old too')]);
  await log.rewrite([utf8('kept')]);
  await waiting;
  await log.append([utf8('new')]);
  const { payloads } = await open(store);
  t.same(
    payloads.map((p) => Buffer.from(p).toString()),
    ['kept', 'new'],
  );
});

await t.test('a full log refuses, and goes on after a rewrite', async (t) => {
  const store = new MemoryState();
  const { log } = await open(store);
  const big = new Uint8Array(5000).fill(7);
  await log.append([big]);
  await log.append([big]);
  await log.append([big]);
  await t.rejects(log.append([big]), { code: 'NS_JOURNAL_FULL' });
  await log.rewrite([]);
  await log.append([big]);
  t.equal((await open(store)).payloads.length, 1);
});

await t.test(
  'power cut at every event: what was acknowledged is there, what follows is a prefix of what was sent',
  async (t) => {
    let cuts = 0;
    for (let cutAt = 1; ; cutAt += 1) {
      const store = new MemoryState();
      const rail = new PowerRail({ cutAt, seed: cutAt });
      const sent: string[] = [];
      let acknowledged = 0;
      let rewriting = false;
      const random = seededRandom(cutAt * 7);
      const wrapped = new Map<unknown, ReturnType<PowerRail['wrap']>>();
      store.wrap = (device) => {
        const known = wrapped.get(device) ?? rail.wrap(device as Parameters<PowerRail['wrap']>[0]);
        wrapped.set(device, known);
        return known;
      };
      try {
        const { log } = await open(store);
        for (let n = 0; n < 40; n += 1) {
          const batch = Array.from({ length: 1 + (n % 3) }, (_, i) => payload(n * 10 + i, random));
          const size = batch.reduce((sum, p) => sum + p.byteLength + 28, 0);
          if (log.room < size) {
            rewriting = true;
            await log.rewrite([]);
            rewriting = false;
            sent.length = 0;
            acknowledged = 0;
          }
          sent.push(...batch.map(toHex));
          await log.append(batch);
          acknowledged = sent.length;
        }
      } catch (error) {
        if (!rail.cut) throw error;
      }
      if (!rail.cut) break;
      cuts += 1;
      store.wrap = (device) => device;
      const again = await open(store);
      const found = again.payloads.map(toHex);
      // A rewrite that the cut hit has happened or has not.
      if (!rewriting || found.length > 0) {
        if (found.length < acknowledged)
          t.fail(`cut ${cutAt}: ${found.length} of ${acknowledged} acknowledged records`);
        if (found.some((hex, i) => hex !== sent[i]))
          t.fail(`cut ${cutAt}: a record that was never sent there`);
      }
      if (again.log.room < 64) {
        await again.log.rewrite([]);
        found.length = 0;
      }
      await again.log.append([utf8('after')]);
      const last = (await open(store)).payloads;
      t.same(last.map(toHex), [...found, toHex(utf8('after'))], `cut ${cutAt}: goes on where it stopped`);
    }
    t.comment(`figure: journal power cuts ${cuts}`);
    t.ok(cuts > 80);
  },
);

await t.test('a storage that fails is final', async (t) => {
  const store = new MemoryState();
  const rail = new PowerRail({ cutAt: 6 });
  store.wrap = (device) => rail.wrap(device as Parameters<PowerRail['wrap']>[0]);
  const { log } = await open(store);
  const results = await Promise.allSettled(
    [1, 2, 3, 4, 5, 6].map(async (n) => {
      await Promise.resolve();
      for (let i = 0; i < n; i += 1) await Promise.resolve();
      return log.append([utf8(String(n))]);
    }),
  );
  t.ok(results.some((r) => r.status === 'rejected' && hasCode(r.reason, 'NS_JOURNAL_IO')));
  await t.rejects(log.append([utf8('more')]), { code: 'NS_JOURNAL_IO' });
});
