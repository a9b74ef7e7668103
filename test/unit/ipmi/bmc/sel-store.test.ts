import fc from 'fast-check';
import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, seconds } from '../../../../src/base/index.ts';
import { idOf, PASSING_RECORDS, SEL_RECORDS, SelStore } from '../../../../src/ipmi/bmc/sel-store.ts';
import { hex } from '../../../kit/canned-carrier.ts';
import type { MemoryDevice } from '../../../kit/memory-device.ts';
import { MemoryState } from '../../../kit/memory-state.ts';
import { PowerRail } from '../../../kit/power-cut.ts';

const log = { log: () => {} };
const event = (n = 0): Uint8Array =>
  hex(`0000 02 00000000 2000 04 22 f0 6f ${n.toString(16).padStart(2, '0')} ff ff`);
const open = (store = new MemoryState(), clock = new VirtualClock()) =>
  SelStore.open({ store, clock, log }).then((sel) => ({ store, clock, sel }));
const places = (sel: SelStore): number[] => sel.records.map((kept) => kept.record[13]!);

void t.test('a record gets an id, and the time at which it happened', async (t) => {
  const { sel, clock } = await open();
  clock.setWallSeconds(0x6000_0000);
  t.equal(sel.add(event(1)), 1);
  t.equal(sel.add(event(2), { at: 0x5000_0000 }), 2);
  t.equal(sel.add(hex('0000 e0 0102030405060708090a0b0c0d')), 3, 'a record without a time is left as it is');
  t.same(
    sel.records.map((kept) => kept.record),
    [
      hex('0100 02 00000060 2000 04 22 f0 6f 01 ff ff'),
      hex('0200 02 00000050 2000 04 22 f0 6f 02 ff ff'),
      hex('0300 e0 0102030405060708090a0b0c0d'),
    ],
  );
});

void t.test('a restart finds what was there, and ids go on', async (t) => {
  const { store, sel } = await open();
  for (let n = 0; n < 5; n += 1) sel.add(event(n));
  sel.delete(3);
  await sel.close();
  const again = (await open(store)).sel;
  t.same(again.records.map(idOf), [1, 2, 4, 5]);
  t.equal(again.add(event()), 6);
});

void t.test(
  'the oldest record goes when there are too many, and the log says that it lost some',
  async (t) => {
    const { store, clock, sel } = await open();
    for (let n = 0; n < SEL_RECORDS; n += 1) sel.add(event(n & 0xff));
    t.equal(sel.info.overflow, false);
    sel.add(event());
    t.match(sel.info, { overflow: true, entries: SEL_RECORDS });
    t.equal(idOf(sel.records[0]!), 2);
    await sel.close();
    const again = (await open(store, clock)).sel;
    t.match(again.info, { overflow: true, entries: SEL_RECORDS });
    again.clear();
    t.match(again.info, { overflow: false, entries: 0, lastErase: clock.wallSeconds() });
  },
);

void t.test('ids never stand for an end of the log, nor for two records', async (t) => {
  const { sel } = await open();
  const first = sel.add(event());
  for (let n = 0; n < 0xfffe; n += 1) {
    const id = sel.add(event(), { passing: true });
    if (id === 0 || id === 0xffff || id === first) t.fail(`the id ${id}`);
  }
  const ids = sel.records.map(idOf);
  t.equal(new Set(ids).size, ids.length);
  t.equal(ids.length, 1 + PASSING_RECORDS, 'and what comes in any number does not push the rest out');
  t.equal(ids[0], first);
});

void t.test('the host and operators may add some at once, and then one a second', async (t) => {
  const { sel, clock } = await open();
  let taken = 0;
  while (sel.addForeign(event()) !== undefined) taken += 1;
  t.ok(taken > 10 && taken < PASSING_RECORDS, `${taken} at once`);
  await clock.advance(seconds(3));
  for (let n = 0; n < 3; n += 1) t.ok(sel.addForeign(event()));
  t.equal(sel.addForeign(event()), undefined);
});

void t.test('the storage is written once a second at most, and not while nothing changes', async (t) => {
  const store = new MemoryState();
  let flushes = 0;
  store.wrap = (device) => {
    const flush = device.flush.bind(device);
    return Object.assign(device, {
      async flush() {
        flushes += 1;
        await flush();
      },
    });
  };
  const { sel, clock } = await open(store);
  for (let n = 0; n < 100; n += 1) {
    sel.add(event(n));
    await clock.advance(milliseconds(50));
  }
  t.ok(flushes >= 5 && flushes <= 7, `${flushes} in 5 s`);
  await clock.advance(seconds(2));
  const before = flushes;
  await clock.advance(seconds(60));
  t.equal(flushes, before);
  t.equal(clock.waiting, 0, 'and no timer is left');
});

void t.test('a storage that fails leaves a log in memory, which says so', async (t) => {
  const rail = new PowerRail({ cutAt: 3 });
  const store = new MemoryState();
  store.wrap = (device) => rail.wrap(device as MemoryDevice);
  const { sel, clock } = await open(store);
  sel.add(event(1));
  await clock.advance(seconds(2));
  sel.add(event(2));
  await clock.advance(seconds(2));
  t.equal(sel.broken, true);
  sel.add(event(3));
  t.same(places(sel), [1, 2, 3]);
  await sel.flush();
});

void t.test(
  'whenever the power goes, what was stored is there, in order, and what was erased is not',
  async () => {
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.record({ is: fc.constant('add' as const), passing: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ is: fc.constant('delete' as const), at: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ is: fc.constant('clear' as const) }) },
      { weight: 3, arbitrary: fc.record({ is: fc.constant('flush' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 120 }),
        fc.integer(),
        async (actions, cutAt, seed) => {
          const store = new MemoryState();
          const rail = new PowerRail({ cutAt, seed });
          store.wrap = (device) => rail.wrap(device as MemoryDevice);
          const clock = new VirtualClock();
          const sel = await SelStore.open({ store, clock, log });
          /** As they were when the storage last had all, and everything that may be there besides. */
          let stored: number[] = [];
          const since = new Set<number>();
          const gone = new Set<number>();
          for (const each of actions) {
            if (each.is === 'add') since.add(sel.add(event(), { passing: each.passing }));
            if (each.is === 'delete')
              sel.delete(idOf(sel.records[each.at] ?? ({ record: event() } as never)));
            if (each.is === 'clear') sel.clear();
            if (each.is !== 'flush') continue;
            await sel.flush();
            if (rail.cut) break;
            const now = sel.records.map(idOf);
            for (const id of [...stored, ...since]) if (!now.includes(id)) gone.add(id);
            stored = now;
            since.clear();
          }
          await sel.flush();
          const last = sel.records.map(idOf);
          store.wrap = (device) => device;
          const again = await SelStore.open({ store, clock, log });
          const found = again.records.map(idOf);
          if (found.some((id, n) => n > 0 && id <= found[n - 1]!))
            throw new Error(`out of order: ${found.join()}`);
          if (found.some((id) => gone.has(id))) throw new Error('an erased record is back');
          const missing = stored.filter((id) => !found.includes(id) && last.includes(id));
          if (missing.length > 0) throw new Error(`lost: ${missing.join()}`);
        },
      ),
      { numRuns: 150 },
    );
  },
);

void t.test(
  'a header that was spoilt as it was written brings nothing back that was erased before',
  async (t) => {
    for (const spoilt of [0, 512]) {
      const { store, sel } = await open();
      for (let n = 0; n < 3; n += 1) sel.add(event(n));
      await sel.flush();
      sel.clear();
      await sel.flush();
      sel.add(event(7));
      sel.add(event(8));
      sel.delete(4);
      await sel.close();
      const region = await store.region('sel', 1024 + SEL_RECORDS * 32);
      await region.write(spoilt, new Uint8Array(512).fill(0xa5));
      t.same((await open(store)).sel.records.map(idOf), [5], `the copy at ${spoilt}`);
    }
  },
);

void t.test('storage full of anything at all is opened, and holds what can be read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 512 }), fc.nat(17_000), async (junk, at) => {
      const { store, sel } = await open();
      for (let n = 0; n < 8; n += 1) sel.add(event(n));
      await sel.flush();
      const region = await store.region('sel', 1024 + SEL_RECORDS * 32);
      await region.write(Math.min(at, 1024 + SEL_RECORDS * 32 - junk.byteLength), junk);
      const again = (await open(store)).sel;
      again.add(event());
      for (const kept of again.records) if (kept.record.byteLength !== 16) throw new Error('no record');
    }),
    { numRuns: 60 },
  );
});
