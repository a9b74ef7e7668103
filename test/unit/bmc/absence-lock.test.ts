import t from 'tap';
import { days, hours, minutes, seconds } from '../../../src/base/index.ts';
import { ABSENCE_DOCUMENTS, AbsenceLock } from '../../../src/bmc/index.ts';
import type { StateStore } from '../../../src/ports/index.ts';
import { machineBench } from '../../kit/machine.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const LIMIT = days(14);
const within = seconds(60);

/** A machine under an absence lock; another on the same store is the same device, started again. */
async function watched(store: StateStore = new MemoryState()) {
  const bench = machineBench({ store });
  const { clock, lockout, lines } = bench;
  const news: string[] = [];
  await clock.settle(lockout.reassert(), within);
  const lock = new AbsenceLock({
    store,
    lockout,
    clock,
    log: { log: (level, event) => lines.push(`${level} ${event}`) },
    limit: LIMIT,
    reason: 'nobody was heard',
    releasable: () => true,
    onNews: (one) => news.push(one.is === 'warning' ? `warning ${one.percent}` : one.is),
  });
  await clock.settle(lock.start(), within);
  const state = async () => (await clock.settle(lockout.status(), within)).state;
  /** Lets the device run; every quarter of an hour it counts. */
  const run = async (hoursRun: number) => {
    for (let hour = 0; hour < hoursRun; hour += 1) await clock.advance(hours(1));
    await clock.settle(lock.count(), within);
  };
  return { ...bench, lock, news, state, run, store };
}

await t.test('it warns four times, and then disables, by nobody and with its reason', async (t) => {
  const { lock, news, state, run, lockout, clock, drives } = await watched();
  await run(24 * 13);
  t.same(news, ['warning 50', 'warning 75', 'warning 90']);
  t.equal(await state(), 'enabled');
  await run(24 + 1);
  t.same(news, ['warning 50', 'warning 75', 'warning 90', 'warning 97', 'lapsed']);
  const report = await clock.settle(lockout.status(), within);
  t.match(report, { state: 'disabled', reason: 'nobody was heard' });
  t.equal(report.by, undefined);
  t.equal(drives[0]!.at, 'held');
  await run(24 * 30);
  t.equal(news.length, 5, 'once');
  await lock.stop();
});

await t.test('whoever enables it begins anew, and it lapses again only after the whole time', async (t) => {
  const { news, state, run, lockout, clock, lock } = await watched();
  await run(24 * 14);
  t.equal(await state(), 'disabled');
  await clock.settle(lockout.enable({}), within);
  await run(24 * 13);
  t.equal(await state(), 'enabled');
  t.equal(news.filter((one) => one === 'lapsed').length, 1);
  await run(24 + 1);
  t.equal(await state(), 'disabled');
  await lock.stop();
});

await t.test('enabled just before the power went: the next start does not lock it again', async (t) => {
  const store = new MemoryState();
  const first = await watched(store);
  await first.run(24 * 14);
  await first.clock.settle(first.lockout.enable({}), within);
  const second = await watched(store);
  await second.run(24 * 13);
  t.equal(await second.state(), 'enabled');
  await second.lock.stop();
});

await t.test('whoever is heard in time keeps it enabled', async (t) => {
  const { news, state, run, lock, clock } = await watched();
  for (let i = 0; i < 3; i += 1) {
    await run(24 * 10);
    await clock.settle(lock.heard(), within);
  }
  t.equal(await state(), 'enabled');
  t.same(news, ['warning 50', 'heard', 'warning 50', 'heard', 'warning 50', 'heard']);
  await lock.stop();
});

await t.test('clock forward or back: only running time counts', async (t) => {
  const { news, state, run, lock, clock } = await watched();
  for (const wall of [4_000_000_000, 0, 1_900_000_000]) {
    clock.setWallSeconds(wall);
    await run(24);
  }
  t.same(news, []);
  t.equal(await state(), 'enabled');
  t.equal(lock.record.ran, days(3));
  await lock.stop();
});

await t.test(
  'the power going loses a quarter of an hour at most; time without power does not count',
  async (t) => {
    const store = new MemoryState();
    let counted = 0;
    for (let i = 0; i < 5; i += 1) {
      const device = await watched(store);
      t.equal(device.lock.record.ran, counted);
      await device.clock.advance(minutes(20));
      await device.clock.settle(device.lockout.status(), within);
      counted += minutes(15);
    }
    const last = await watched(store);
    await last.clock.advance(minutes(10));
    await last.lock.stop();
    const next = await watched(store);
    t.equal(next.lock.record.ran, counted + minutes(10), 'stopped in good order, it loses nothing');
    await next.lock.stop();
  },
);

await t.test('with one copy rotten the other counts', async (t) => {
  for (const rotten of ABSENCE_DOCUMENTS) {
    const store = new MemoryState();
    const first = await watched(store);
    await first.run(24);
    await first.lock.stop();
    await store.writeDocument(rotten, Uint8Array.of(1, 2, 3));
    const second = await watched(store);
    t.equal(second.lock.record.ran, days(1), rotten);
    t.same(second.news, []);
    await second.lock.stop();
  }
});

await t.test('both copies rotten: the time begins anew, and it is told', async (t) => {
  const store = new MemoryState();
  for (const name of ABSENCE_DOCUMENTS) await store.writeDocument(name, Uint8Array.of(1, 2, 3));
  const { lock, news, state } = await watched(store);
  t.same(news, ['damaged']);
  t.equal(lock.record.ran, 0);
  t.equal(await state(), 'enabled');
  await lock.stop();
});

await t.test('own storage that fails stops no count, and is told', async (t) => {
  const store = new MemoryState();
  const first = await watched(store);
  const write = store.writeDocument.bind(store);
  store.writeDocument = (name, bytes) =>
    name.startsWith('absence') ? Promise.reject(new Error('worn out')) : write(name, bytes);
  await first.run(24 * 15);
  t.ok(first.lines.includes('error absence.failed'));
  t.equal(await first.state(), 'disabled');
});
