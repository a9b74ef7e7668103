import fc from 'fast-check';
import t from 'tap';
import { seconds } from '../../../src/base/index.ts';
import { LOCK_DOCUMENTS, LOCK_WITNESS, type LockReport } from '../../../src/bmc/index.ts';
import { decodeLockCopy, encodeLockRecord, type LockRecord } from '../../../src/bmc/lock-record.ts';
import type { StateStore } from '../../../src/ports/index.ts';
import { machineBench } from '../../kit/machine.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const by = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const within = seconds(10);

/** The store as it is when the power goes just before its nth document write; undefined: never. */
function cutAt(store: MemoryState, n: number | undefined): { store: StateStore; writes: () => number } {
  let writes = 0;
  const cut = new Proxy(store, {
    get(target, key) {
      if (key === 'writeDocument') {
        return async (name: string, bytes: Uint8Array) => {
          writes += 1;
          if (n !== undefined && writes >= n) throw new Error('the power is cut');
          await target.writeDocument(name, bytes);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: cut, writes: () => writes };
}

await t.test('enabling that means one version of the lock leaves a later one as it is', async (t) => {
  const { clock, lockout, host } = machineBench({ disks: 1 });
  await lockout.reassert();
  await clock.settle(lockout.disable({ by }), within);
  await clock.settle(lockout.enable({ by }), within);
  await clock.settle(lockout.disable({ by }), within);
  const stale = await clock.settle(lockout.enable({ by, onVersion: 1 }), within);
  t.match(stale, { changed: false, lock: { state: 'disabled', version: 3 } });
  t.equal(await host.powerOnMasked(), true);
  const meant = await clock.settle(lockout.enable({ by, onVersion: 3 }), within);
  t.match(meant, { changed: true, lock: { state: 'enabled', version: 4 } });
});

await t.test('disabling masks the button and holds every drive, and says what is in force', async (t) => {
  const { clock, lockout, drives, host } = machineBench({ disks: 2 });
  t.match(await lockout.reassert(), { state: 'enabled', version: 0, inForce: [] });
  const done = await clock.settle(lockout.disable({ by, reason: 'stolen' }), within);
  t.match(done, {
    changed: true,
    lock: {
      state: 'disabled',
      version: 1,
      by,
      reason: 'stolen',
      inForce: ['power-button-masked', 'drive-held'],
    },
  });
  t.equal(typeof done.lock.since, 'number');
  t.same(
    drives.map((drive) => drive.at),
    ['held', 'held'],
  );
  t.ok(await host.powerOnMasked());
  const back = await clock.settle(lockout.enable({ by }), within);
  t.match(back, { changed: true, lock: { state: 'enabled', version: 2, inForce: [] } });
  t.same(
    drives.map((drive) => drive.at),
    ['host', 'host'],
  );
  t.notOk(await host.powerOnMasked());
});

await t.test('repeating changes nothing, but holds again what has slipped', async (t) => {
  const { clock, lockout, drives, host } = machineBench();
  await clock.settle(lockout.disable({ by, reason: 'first' }), within);
  await host.maskPowerOn(false);
  await clock.settle(drives[0]!.giveBack(), within);
  t.match(await clock.settle(lockout.status(), within), { state: 'disabled', inForce: [] });
  const again = await clock.settle(lockout.disable({ reason: 'second' }), within);
  t.match(again, { changed: false, lock: { version: 1, reason: 'first' } });
  t.same(again.lock.inForce, ['power-button-masked', 'drive-held']);
  await clock.settle(lockout.enable({}), within);
  t.match(await clock.settle(lockout.enable({}), within), { changed: false, lock: { version: 2 } });
});

await t.test('enabling what is enabled disturbs nobody', async (t) => {
  const { clock, lockout, lend } = machineBench();
  await lockout.reassert();
  const lease = await lend();
  t.match(await clock.settle(lockout.enable({}), within), { changed: false, lock: { version: 0 } });
  t.notOk(lease.signal.aborted);
  t.match(await lease.confirm(), { ok: true });
});

await t.test('what the board cannot do is missing from what is in force', async (t) => {
  const noHold = machineBench({ hold: false });
  const { lock } = await noHold.clock.settle(noHold.lockout.disable({}), within);
  t.same(lock.inForce, ['power-button-masked']);
  const stuck = machineBench();
  stuck.drives[0]!.setFault('stuck');
  const held = await stuck.clock.settle(stuck.lockout.disable({}), within);
  t.same(held.lock.inForce, ['power-button-masked']);
  t.equal(held.lock.state, 'disabled');
});

await t.test('disabling takes the disk from whoever has it', async (t) => {
  const { clock, lockout, lend, drives } = machineBench();
  const lease = await lend();
  await clock.settle(lockout.disable({}), within);
  t.match(lease.signal.reason, { code: 'NS_LEASE_ENDED', refusal: { code: 'DISABLED' } });
  t.equal(drives[0]!.at, 'held');
});

const levelsOf = (lock: LockReport) =>
  Object.fromEntries(lock.levels.map(({ level, inForce }) => [level, inForce]));
const ALL = { power: 'yes', boot: 'yes', disk: 'yes' };

await t.test('every level is held, read back, and released to what was there before', async (t) => {
  const { clock, lockout, simBoot, host } = machineBench();
  simBoot.policy = 'always-on';
  simBoot.device = 'pxe';
  t.match(levelsOf(await clock.settle(lockout.reassert(), within)), { power: 'no', boot: 'no', disk: 'no' });
  const { lock } = await clock.settle(lockout.disable({}), within);
  t.same(levelsOf(lock), ALL);
  t.ok(lock.levels.every(({ wanted }) => wanted));
  simBoot.policy = 'previous';
  host.set('S0', 'a stranger');
  t.match(levelsOf(await clock.settle(lockout.status(), within)), { power: 'no', boot: 'partly' });
  host.set('S5', 'off again');
  t.same(levelsOf(await clock.settle(lockout.hold(), within)), ALL);
  await clock.settle(lockout.enable({}), within);
  t.equal(simBoot.policy, 'always-on', 'as it was before the lock, however often it was held');
});

await t.test('what the boot was before outlives the agent, cut at every write', async (t) => {
  for (let n = 1; n <= 6; n += 1) {
    const store = new MemoryState();
    const cut = cutAt(store, n);
    const first = machineBench({ store: cut.store });
    first.simBoot.policy = 'always-on';
    await first.clock.settle(first.lockout.disable({}), within).catch(() => undefined);
    const second = machineBench({ store, boot: first.simBoot });
    await second.clock.settle(second.lockout.reassert(), within);
    await second.clock.settle(second.lockout.disable({}), within);
    t.equal(first.simBoot.policy, 'always-off', `cut ${n}`);
    await second.clock.settle(second.lockout.enable({}), within);
    t.equal(first.simBoot.policy, 'always-on', `cut ${n}`);
  }
});

await t.test('a level that fails does not hold up the others, and shows', async (t) => {
  const fail = async () => {
    throw new Error('no answer');
  };
  const deaf = machineBench({ boot: { setting: fail, guard: fail, release: fail, guarded: fail } });
  const { lock } = await deaf.clock.settle(deaf.lockout.disable({}), within);
  t.same(levelsOf(lock), { ...ALL, boot: 'no' });
  const { lock: back } = await deaf.clock.settle(deaf.lockout.enable({}), within);
  t.equal(back.state, 'enabled');
  const none = machineBench({ boot: undefined });
  t.same(levelsOf((await none.clock.settle(none.lockout.disable({}), within)).lock), {
    ...ALL,
    boot: 'cannot',
  });
});

await t.test('a state directory of yesterday does not free what the witness saw disabled', async (t) => {
  const witness = new MemoryState();
  const today = machineBench({ witness });
  await today.clock.settle(today.lockout.disable({ by, counter: 7, reason: 'stolen' }), within);
  for (const yesterday of [new MemoryState(), await enabledOnce()]) {
    const bench = machineBench({ store: yesterday, witness });
    const found = await bench.clock.settle(bench.lockout.reassert(), within);
    t.match(found, { state: 'disabled', reason: 'stolen', by });
    t.ok(bench.lines.includes('error lock.rolled-back'));
    t.equal(bench.lockout.latestOrder(by), 7, 'and an older order of that key comes too late');
    const without = machineBench({ store: yesterday });
    t.equal((await without.clock.settle(without.lockout.reassert(), within)).state, 'disabled', 'mended');
  }
  const owner = machineBench({ store: new MemoryState(), witness });
  await owner.clock.settle(owner.lockout.reassert(), within);
  t.match(await owner.clock.settle(owner.lockout.enable({}), within), { changed: true });
  const after = machineBench({ store: new MemoryState(), witness });
  t.equal(
    (await after.clock.settle(after.lockout.reassert(), within)).state,
    'enabled',
    'as the owner ordered',
  );
});

/** A state directory that holds an older record, of an enabled machine. */
async function enabledOnce(): Promise<MemoryState> {
  const store = new MemoryState();
  await store.writeDocument(LOCK_DOCUMENTS[0], encodeLockRecord({ state: 'enabled', version: 0 }));
  await store.writeDocument(LOCK_DOCUMENTS[1], encodeLockRecord({ state: 'enabled', version: 0 }));
  return store;
}

await t.test('a witness that is lost, damaged or deaf stands in no way', async (t) => {
  const damaged = new MemoryState();
  await damaged.writeDocument(LOCK_WITNESS, Uint8Array.of(1, 2, 3));
  const broken = async () => {
    throw new Error('the medium is gone');
  };
  const deaf = new Proxy(new MemoryState(), {
    get: (_target, key) => (key === 'readDocument' || key === 'writeDocument' ? broken : undefined),
  });
  for (const witness of [new MemoryState(), damaged, deaf]) {
    const { clock, lockout } = machineBench({ witness });
    t.equal((await clock.settle(lockout.reassert(), within)).state, 'enabled');
    t.equal((await clock.settle(lockout.disable({}), within)).lock.state, 'disabled');
    t.equal((await clock.settle(lockout.enable({}), within)).lock.state, 'enabled');
  }
  const store = new MemoryState();
  const first = machineBench({ store });
  await first.clock.settle(first.lockout.disable({}), within);
  const fresh = new MemoryState();
  const second = machineBench({ store, witness: fresh });
  await second.clock.settle(second.lockout.reassert(), within);
  t.match(
    decodeLockCopy(await fresh.readDocument(LOCK_WITNESS)),
    { record: { state: 'disabled' } },
    'told anew',
  );
});

await t.test('a disabled machine is held again at the next start', async (t) => {
  const store = new MemoryState();
  const first = machineBench({ store });
  await first.clock.settle(first.lockout.disable({ by, reason: 'stolen' }), within);
  const second = machineBench({ store });
  t.notOk(second.lockout.enabled, 'nothing is free before the record was read');
  const report = await second.clock.settle(second.lockout.reassert(), within);
  t.match(report, { state: 'disabled', version: 1, by, reason: 'stolen' });
  t.same(report.inForce, ['power-button-masked', 'drive-held']);
});

await t.test(
  'cut at every write: the record comes first, and in doubt the machine stays disabled',
  async (t) => {
    let cuts = 0;
    for (const change of ['disable', 'enable'] as const) {
      for (let n: number | undefined = 1; ; n += 1) {
        const store = new MemoryState();
        if (change === 'enable') {
          const before = machineBench({ store });
          await before.clock.settle(before.lockout.disable({}), within);
        }
        const cut = cutAt(store, n);
        const bench = machineBench({ store: cut.store });
        if (change === 'enable') await bench.clock.settle(bench.lockout.reassert(), within);
        let answered = true;
        await bench.clock.settle(bench.lockout[change]({}), within).catch(() => {
          answered = false;
        });
        if (!answered && change === 'disable') {
          t.equal(bench.drives[0]!.at, 'host', `disable, cut ${n}: nothing acted before the record was down`);
          t.notOk(await bench.host.powerOnMasked());
        }
        if (!answered && change === 'enable')
          t.equal(bench.drives[0]!.at, 'held', `enable, cut ${n}: still held`);

        const after = machineBench({ store });
        const found = await after.clock.settle(after.lockout.reassert(), within);
        if (answered) t.equal(found.state, change === 'disable' ? 'disabled' : 'enabled');
        else cuts += 1;
        if (change === 'enable' && !answered) t.equal(found.state, 'disabled');
        if (change === 'disable' && !answered) t.equal(found.state, n === 1 ? 'enabled' : 'disabled');
        const held = found.inForce.length === 2;
        t.equal(held, found.state === 'disabled', `${change}, cut ${n}: the board is as the record says`);
        const retried = await after.clock.settle(after.lockout[change]({}), within);
        t.equal(retried.lock.state, change === 'disable' ? 'disabled' : 'enabled', 'a second try succeeds');
        t.ok(retried.lock.version >= found.version);
        if (answered) break;
      }
    }
    t.equal(cuts, 4, 'two copies, for each of the two changes');
  },
);

await t.test('a damaged record keeps the machine disabled', async (t) => {
  const bytesOf = (record: LockRecord) => encodeLockRecord(record);
  const rotten = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte));
  const enabled = bytesOf({ state: 'enabled', version: 2 });
  const disabled = bytesOf({ state: 'disabled', version: 1, reason: 'stolen' });
  const cases: [string, Uint8Array | undefined, Uint8Array | undefined, 'enabled' | 'disabled'][] = [
    ['both rotten', rotten(enabled), rotten(enabled), 'disabled'],
    ['one rotten, one gone', rotten(enabled), undefined, 'disabled'],
    ['empty files', new Uint8Array(), new Uint8Array(), 'disabled'],
    ['a whole disabled copy beside a rotten one', rotten(enabled), disabled, 'disabled'],
    ['a whole disabled copy beside a newer enabled one', enabled, disabled, 'disabled'],
    ['a whole enabled copy beside a rotten one', enabled, rotten(enabled), 'enabled'],
    ['a whole enabled copy alone', undefined, enabled, 'enabled'],
    ['nothing at all: never disabled', undefined, undefined, 'enabled'],
  ];
  for (const [name, a, b, expected] of cases) {
    const store = new MemoryState();
    if (a) await store.writeDocument(LOCK_DOCUMENTS[0], a);
    if (b) await store.writeDocument(LOCK_DOCUMENTS[1], b);
    const { clock, lockout } = machineBench({ store });
    t.equal((await clock.settle(lockout.reassert(), within)).state, expected, name);
    if (a || b) {
      const copies = await Promise.all(
        LOCK_DOCUMENTS.map(async (n) => decodeLockCopy(await store.readDocument(n))),
      );
      t.ok(
        copies.every((copy) => copy.is === 'whole' && copy.record.state === expected),
        'and both copies agree again',
      );
      t.same(copies[0], copies[1]);
    }
  }
});

await t.test('a lock record survives the way to the store, and no other bytes pass for one', async (t) => {
  const record = fc.record(
    {
      state: fc.constantFrom('enabled' as const, 'disabled' as const),
      version: fc.nat(),
      since: fc.nat(),
      by: fc.constant('0102030405060708'),
      reason: fc.string({ maxLength: 100 }),
    },
    { requiredKeys: ['state', 'version'] },
  );
  fc.assert(
    fc.property(record, fc.nat(), fc.integer({ min: 0, max: 7 }), (value, at, bit) => {
      const bytes = encodeLockRecord(value);
      t.same(decodeLockCopy(bytes), { is: 'whole', record: value });
      t.same(decodeLockCopy(bytes.subarray(0, at % bytes.byteLength)), { is: 'damaged' });
      t.same(decodeLockCopy(Uint8Array.of(...bytes, 0)), { is: 'damaged' });
      bytes[at % bytes.byteLength]! ^= 1 << bit;
      t.same(decodeLockCopy(bytes), { is: 'damaged' });
    }),
    { numRuns: 50 },
  );
});

await t.test('the longest reason and the counters of 64 keys fit a lock record', (t) => {
  const orders = Object.fromEntries(
    Array.from({ length: 64 }, (_, n) => [n.toString(16).padStart(16, '0'), Number.MAX_SAFE_INTEGER]),
  );
  // JSON spells each of these letters with six.
  const record: LockRecord = { state: 'enabled', version: 1, reason: '\u0001'.repeat(1024), orders };
  t.same(decodeLockCopy(encodeLockRecord(record)), { is: 'whole', record });
  t.end();
});
