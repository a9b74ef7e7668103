import t from 'tap';
import {
  allow,
  asNsError,
  equalBytes,
  hasCode,
  hours,
  minutes,
  seconds,
} from '../../../../src/base/index.ts';
import type { TaskKind } from '../../../../src/tasks/task.ts';
import { deskBench, deskKeys } from '../../../kit/desk.ts';
import type { MemoryDevice } from '../../../kit/memory-device.ts';
import { MemoryState } from '../../../kit/memory-state.ts';
import { noise } from '../../../kit/noise.ts';
import { PowerRail } from '../../../kit/power-cut.ts';

/** Own storage on a rail: regions lose what was not flushed, and a document is replaced or is not. */
class RailState extends MemoryState {
  rail: PowerRail | undefined;

  override async writeDocument(name: string, bytes: Uint8Array): Promise<void> {
    if (this.rail?.step() === true) this.rail.fall();
    return super.writeDocument(name, bytes);
  }

  on(rail: PowerRail): void {
    this.rail = rail;
    this.wrap = (device) => rail.wrap(device as MemoryDevice);
  }
}

const CONTENT = noise(9000, 1);
const NAME = 'staged-content';

/**
 * A disk with one file, which a task removes: how often, is counted. The task fetches something before it waits, and must have
 * it whole when it goes on, since nobody would send it again.
 */
function world() {
  const disk = { removed: 0, torn: 0, sent: 0 };
  const result = {
    volume: { name: 'disk0p1', type: 'ext4', label: '', uuid: 'u', stale: false, notes: [] },
    removed: 1,
    effect: { hash: new Uint8Array(32), blocks: 1, bytes: 4096, changes: [] },
    dryRun: false,
  };
  const kind: TaskKind<'file.delete'> = {
    verb: 'file.delete',
    pace: 'queued',
    pure: false,
    whileDisabled: false,
    deadline: hours(3),
    noProgress: hours(3),
    async prepare(_order, { services: { store } }) {
      const { data } = await store.stagedFile(NAME, CONTENT.byteLength);
      await data.write(0, CONTENT);
      await data.flush();
      disk.sent += 1;
      return allow(undefined);
    },
    async run({ args }, { effect, services: { store } }) {
      const { data } = await store.stagedFile(NAME, CONTENT.byteLength);
      const found = new Uint8Array(CONTENT.byteLength);
      await data.read(0, found);
      if (!equalBytes(found, CONTENT)) disk.torn += 1;
      return effect({ path: args.path }, async () => {
        disk.removed += 1;
        return allow(result);
      });
    },
    fate: () => Promise.resolve(disk.removed > 0 ? 'done' : 'absent'),
    resultOf: () => Promise.resolve(result),
  };
  return { disk, kind };
}

const keys = deskKeys();
const args = { path: '/a', stage: {} };

/** One life of the device with this power, up to the order's end or the cut; whether the order was accepted. */
async function live(store: RailState, rail: PowerRail, kind: TaskKind<'file.delete'>, first: boolean) {
  store.on(rail);
  let accepted = false;
  try {
    const bench = await deskBench({
      registry: { 'file.delete': kind },
      store,
      keys,
      journalSize: 512 * 1024,
    });
    const taken = async () => {
      bench.host.set('S0');
      await bench.clock.settle(bench.desk.resume(), seconds(60));
      if (!first) return;
      const submission = await bench.submit(await bench.order({ verb: 'file.delete', args }));
      accepted = submission.is === 'accepted';
    };
    await taken().catch((error: unknown) => {
      if (!rail.cut) throw error;
    });
    await bench.settle(seconds(5));
    bench.host.set('S5');
    await bench.settle(minutes(2));
    await bench.clock.settle(bench.desk.stop(), seconds(60)).catch(() => undefined);
    if (!rail.cut && bench.fatal.length > 0) throw bench.fatal[0];
    return { accepted, receipts: rail.cut ? [] : bench.receipts(), open: bench.journal.openCount };
  } catch (error) {
    if (!rail.cut || !hasCode(asNsError(error), 'NS_POWER_CUT')) throw error;
    return { accepted, receipts: [], open: 0 };
  }
}

await t.test(
  'power that goes at any write of own storage: taken and done once, or never taken',
  async (t) => {
    const whole = new PowerRail();
    const { disk, kind } = world();
    const end = await live(new RailState(), whole, kind, true);
    t.match(end.receipts, [{ outcome: 'succeeded' }]);
    t.same(disk, { removed: 1, torn: 0, sent: 1 });
    const seen = { done: 0, never: 0 };
    for (let cutAt = 1; cutAt <= whole.events; cutAt += 1) {
      for (const seed of [1, 2, 3]) {
        const store = new RailState();
        const each = world();
        const rail = new PowerRail({ cutAt, seed });
        const before = await live(store, rail, each.kind, true);
        if (!rail.cut) continue;
        const after = await live(store, new PowerRail(), each.kind, false);
        const told = `cut at ${cutAt}, seed ${seed}`;
        if (before.accepted && each.disk.removed !== 1)
          t.fail(`${told}: accepted, and done ${each.disk.removed} times`);
        if (each.disk.torn > 0) t.fail(`${told}: went on with half of its contents`);
        if (each.disk.removed > 1) t.fail(`${told}: done ${each.disk.removed} times`);
        if (after.open !== 0) t.fail(`${told}: never answered`);
        seen[each.disk.removed === 1 ? 'done' : 'never'] += 1;
      }
    }
    t.comment(`${whole.events} events; ${seen.done} cuts end in one effect, ${seen.never} in none`);
    t.ok(seen.done > 0 && seen.never > 0);
  },
);
