import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { NsError, seconds } from '../../../../src/base/index.ts';
import { readUpdateNote, type UpdateNote, writeUpdateNote } from '../../../../src/firmware/index.ts';
import type { DriveSwitch } from '../../../../src/ports/index.ts';
import { startTrial, type TrialSurroundings } from '../../../../src/programs/agent/firmware-trial.ts';
import { AuditLog } from '../../../../src/security/index.ts';
import { lookAtFirmware } from '../../../../src/tasks/firmware/look.ts';
import { packUpdate } from '../../../kit/firmware-image.ts';
import { FlashBench, smallLayout } from '../../../kit/flash-bench.ts';
import { testKey } from '../../../kit/keys.ts';
import { LeapingClock } from '../../../kit/leaping-clock.ts';
import { MemoryState } from '../../../kit/memory-state.ts';
import { noise } from '../../../kit/noise.ts';
import { giveUpdate, ownFirmware } from '../../../kit/update-bench.ts';

const maker = testKey();
const operator = testKey();
const first = noise(10_000, 1);
const image = await packUpdate(noise(20_000, 2), maker, { board: 'sim-host', version: '2.0.0', rollback: 5 });
const home = await mkdtemp(join(tmpdir(), 'nightshift-trial-'));
t.teardown(() => rm(home, { recursive: true }));

/** Version 2.0.0 runs in slot b, on trial; all of it is well but what a test takes from it. */
async function onTrial(
  t: { teardown(done: () => unknown): void },
  drives: readonly { readonly disk: string; readonly before: boolean; readonly now: boolean }[] = [],
) {
  const directory = await mkdtemp(join(home, 'board-'));
  const bench = await FlashBench.make(directory, smallLayout('nor', 96 * 1024), first, [maker]);
  const store = new MemoryState();
  const slots = await bench.open('a');
  const ports = (when: 'before' | 'now') =>
    drives.map((drive) => ({
      disk: drive.disk,
      position: async () => {
        if (!drive[when]) throw new NsError('NS_DRIVE', 'the port is silent');
        return 'host';
      },
    })) as unknown as readonly DriveSwitch[];
  const old = await ownFirmware(bench.description, slots);
  await giveUpdate(old, store, image, operator, image.content, undefined, ports('before'));
  await slots.close();
  await bench.boot();
  const running = await bench.open('b');
  t.teardown(() => running.close());
  const own = await ownFirmware({ ...bench.description, version: '2.0.0' }, running);
  const clock = new LeapingClock();
  const power = { read: async () => ({ state: 'S5' }) };
  const audit = await AuditLog.open(store, { slots: 16 });
  const broker = { answers: true };
  const s = {
    firmware: { ...own, config: { trialMinutes: 1 }, waiting: undefined },
    machine: { store, audit, power, board: { switches: ports('now') }, keyStore: operator },
    keyring: { inForce: { source: 'configuration' } },
    bus: { publish: async () => {} },
    busState: () => (broker.answers ? { is: 'up' } : { is: 'down', reason: 'nobody listens' }),
    identity: {
      tenant: 'acme',
      device: 'host1',
      board: 'sim-host',
      version: '2.0.0',
      groups: [],
      boot: new Uint8Array(16),
    },
    vitals: () => ({ power: 'S5', lock: 'enabled' }),
    giveNonce: () => new Uint8Array(16),
    clock,
    log: { log: () => {} },
  } as unknown as TrialSurroundings;
  let restarts = 0;
  const run = async (passing: 'real time' | 'its ten minutes' = 'real time'): Promise<void> => {
    const leaping = passing === 'real time' ? undefined : setInterval(() => clock.leap(seconds(5)), 1);
    await startTrial(s, new AbortController().signal, () => {
      restarts += 1;
    }).finally(() => clearInterval(leaping));
  };
  const record = () => own.book.reread();
  const note = async (change: Partial<UpdateNote>): Promise<void> => {
    const found = await readUpdateNote(store);
    if (found === undefined) throw new Error('no note');
    await writeUpdateNote(store, { ...found, ...change });
  };
  const said = async () => {
    const looked = await lookAtFirmware({ store }, own);
    return looked.ok ? looked.value.update : undefined;
  };
  return { bench, store, own, broker, run, record, note, said, restarts: () => restarts };
}

await t.test('what is well is confirmed, and says so', async (t) => {
  const { run, record, said, restarts } = await onTrial(t);
  t.match(await said(), { state: 'trying', version: '2.0.0' });
  await run();
  t.match(await record(), { first: 'b', floor: 5, slots: { b: { is: 'good' } } });
  t.match(await said(), { state: 'confirmed' });
  t.equal(restarts(), 0);
});

await t.test('storage that takes nothing more keeps no trial from its end', async (t) => {
  const { run, store, record, restarts, said } = await onTrial(t);
  store.writeDocument = () => Promise.reject(new NsError('NS_STATE_FULL', 'the disk is full'));
  await run('its ten minutes');
  t.match(await record(), { first: 'a', slots: { a: { is: 'good' }, b: { is: 'bad' } } });
  t.equal(restarts(), 1);
  t.match(await said(), { state: 'rolled-back' }, 'the note could not be changed, and the record counts');
});

await t.test(
  'storage that fails after it was proven leaves it proven, and nobody waits for more',
  async (t) => {
    const { run, store, said, restarts } = await onTrial(t);
    const write = store.writeDocument.bind(store);
    store.writeDocument = async (name, bytes) => {
      if (name === 'firmware-update') throw new NsError('NS_STATE_FULL', 'the disk is full');
      await write(name, bytes);
    };
    await run();
    t.match(await said(), { state: 'confirmed' });
    t.equal(restarts(), 0);
  },
);

await t.test('a boot record that takes no word of it starts the board anew, which is counted', async (t) => {
  for (const well of [true, false]) {
    const { run, bench, broker, record, restarts } = await onTrial(t);
    broker.answers = well;
    bench.onOperation = (_what, partition) => {
      if (partition === 'u-boot-env') throw new NsError('NS_FLASH', 'erasing failed');
    };
    await run(well ? 'real time' : 'its ten minutes');
    t.match(await record(), { slots: { b: { is: 'trying', left: 2 } } });
    t.equal(restarts(), 1, well ? 'it could not be confirmed' : 'it could not be taken back');
  }
});

await t.test('a cut in the middle of taking it back ends in its being taken back', async (t) => {
  const { run, bench, note, said, restarts } = await onTrial(t);
  await note({ state: 'rolled-back', why: 'its broker: nobody listens' });
  t.match(await said(), { state: 'rolled-back' });
  t.equal((await bench.boot()).start, 'b');
  await run();
  t.equal(restarts(), 1);
  t.equal((await bench.boot()).start, 'a');
  t.match(await said(), { state: 'rolled-back', why: 'its broker: nobody listens' });
});

await t.test('the note of another update is not confirmed by this one', async (t) => {
  const { run, note, record, said } = await onTrial(t);
  // As a state directory that was put back from a copy.
  await note({ version: '1.5.0', sha256: new Uint8Array(32).fill(7), state: 'rolled-back', why: 'old' });
  await run();
  t.match(await record(), { slots: { b: { is: 'good', version: '2.0.0' } } });
  t.notMatch(await said(), { state: 'confirmed' });
  await note({ state: 'trying' });
  await run();
  t.equal(await said(), undefined);
});

await t.test('it must find well what the one before found well, and no more', async (t) => {
  const same = await onTrial(t, [{ disk: 'disk0', before: false, now: false }]);
  await same.run();
  t.match(await same.said(), { state: 'confirmed' }, 'a port that was silent before keeps no firmware away');
  const worse = await onTrial(t, [{ disk: 'disk0', before: true, now: false }]);
  await worse.run('its ten minutes');
  t.match(await worse.said(), { state: 'rolled-back', why: /the port of disk0: the port is silent/ });
});
