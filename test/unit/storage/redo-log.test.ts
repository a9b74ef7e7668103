import t from 'tap';
import { KiB, MiB, NsError } from '../../../src/base/index.ts';
import type { BlockDevice } from '../../../src/ports/index.ts';
import { boundedDevice } from '../../../src/storage/bounded-device.ts';
import { type Effect, measureEffect } from '../../../src/storage/effect.ts';
import { Overlay } from '../../../src/storage/overlay.ts';
import { openRedoLog, REDO_SIZE, type RedoTarget, SMALL_REDO_SIZE } from '../../../src/storage/redo-log.ts';
import { discardRedoLog, recoverRedoLogs } from '../../../src/storage/redo-recovery.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const SIZE = 256 * KiB;
const START = 8 * KiB;
const LENGTH = 128 * KiB;
const { signal } = new AbortController();
const target: RedoTarget = { disk: 'disk0', volume: 'disk0p1', volumeStart: START, volumeLength: LENGTH };

/** A disk, a change to it, and its log, committed and not yet applied. */
async function committed(): Promise<{
  disk: MemoryDevice;
  store: MemoryState;
  effect: Effect;
  wanted: Uint8Array;
}> {
  const disk = new MemoryDevice(
    'disk0',
    Uint8Array.from({ length: 160 * KiB }, (_, i) => (i * 7) & 0xff),
  );
  const volume = boundedDevice(disk, START, LENGTH, 'disk0p1');
  const overlay = new Overlay(volume);
  await overlay.write(100, new Uint8Array(5000).fill(1));
  await overlay.write(70_000, new Uint8Array(50_000).fill(2));
  const effect = await measureEffect(overlay, volume, undefined);
  const wanted = disk.bytes.slice();
  wanted.fill(1, START + 100, START + 5100);
  wanted.fill(2, START + 70_000, START + 120_000);
  const store = new MemoryState();
  const log = await openRedoLog(store, 'disk0', SIZE);
  const commit = await log.write(target, effect, effect.runs, volume, signal);
  t.equal(await log.pending(), undefined, 'written is not committed');
  await log.commit(commit);
  return { disk, store, effect, wanted };
}

const open = (disk: BlockDevice) => async (): Promise<BlockDevice> => disk;

await t.test('a committed change is made at start, once, and the log is then clear', async (t) => {
  const { disk, store, effect, wanted } = await committed();
  const [recovery] = await recoverRedoLogs(store, open(disk), SIZE);
  t.same(recovery, { is: 'applied', disk: 'disk0', volume: 'disk0p1', effectHash: effect.hash });
  t.ok(Buffer.from(disk.bytes).equals(Buffer.from(wanted)));
  t.same(await recoverRedoLogs(store, open(disk), SIZE), [{ is: 'clean', disk: 'disk0' }]);
});

await t.test('a change is made where it was half made, or made wholly and not cleared', async (t) => {
  for (const done of [1, 3000, 160 * KiB]) {
    const { disk, store, wanted } = await committed();
    disk.bytes.set(wanted.subarray(0, Math.floor((START + 70_000 + done) / 512) * 512));
    const [recovery] = await recoverRedoLogs(store, open(disk), SIZE);
    t.equal(recovery?.is, 'applied');
    t.ok(Buffer.from(disk.bytes).equals(Buffer.from(wanted)));
  }
});

await t.test('a disk that was exchanged or written since is left alone, and the log is kept', async (t) => {
  const { disk, store, effect } = await committed();
  const other = new MemoryDevice('disk0', 160 * KiB);
  t.match(await recoverRedoLogs(store, open(other), SIZE), [
    { is: 'kept', disk: 'disk0', effectHash: effect.hash, reason: /exchanged or written/ },
  ]);
  t.ok(other.bytes.every((byte) => byte === 0));
  disk.bytes[START + 100_000]! ^= 1;
  const before = disk.bytes.slice();
  t.match(await recoverRedoLogs(store, open(disk), SIZE), [{ is: 'kept' }]);
  t.ok(Buffer.from(disk.bytes).equals(Buffer.from(before)));
  const log = await openRedoLog(store, 'disk0', SIZE);
  await t.rejects(log.write(target, effect, effect.runs, disk, signal), { code: 'NS_REDO_PENDING' });
  await discardRedoLog(store, 'disk0', SIZE);
  t.same(await recoverRedoLogs(store, open(disk), SIZE), [{ is: 'clean', disk: 'disk0' }]);
});

await t.test('what was written ahead of the commit is there still, or the change is not made', async (t) => {
  for (const used of [undefined, START + 30_000, START + 69_631]) {
    const disk = new MemoryDevice('disk0', 160 * KiB);
    const volume = boundedDevice(disk, START, LENGTH, 'disk0p1');
    const overlay = new Overlay(volume);
    const content = new Uint8Array(65_536).fill(3);
    await overlay.write(4096, content);
    await overlay.write(77_824, new Uint8Array(4096).fill(4));
    const effect = await measureEffect(overlay, volume, async (offset, length) => offset + length <= 77_824);
    const [ahead, logged] = [true, false].map((free) => effect.runs.filter((run) => run.free === free));
    await volume.write(4096, content);
    const store = new MemoryState();
    const log = await openRedoLog(store, 'disk0', SIZE);
    await log.commit(await log.write(target, effect, logged ?? [], volume, signal, ahead));
    // The host made a file there and removed it again: all else is as it was.
    if (used !== undefined) disk.bytes[used]! ^= 0xff;
    const before = disk.bytes.slice();
    const recoveries = await recoverRedoLogs(store, open(disk), SIZE);
    if (used === undefined) {
      t.match(recoveries, [{ is: 'applied' }]);
      t.equal(disk.bytes[START + 77_824], 4);
    } else {
      t.match(recoveries, [{ is: 'kept', reason: /ahead of it is no longer/ }]);
      t.ok(Buffer.from(disk.bytes).equals(Buffer.from(before)), 'nothing is written');
      t.not(await log.pending(), undefined);
    }
  }
});

await t.test('a disk that is not ours, or too small, is not written', async (t) => {
  const { disk, store, wanted } = await committed();
  t.match(await recoverRedoLogs(store, async () => undefined, SIZE), [{ is: 'kept', reason: /not ours/ }]);
  const small = new MemoryDevice('disk0', 100 * KiB);
  t.match(await recoverRedoLogs(store, open(small), SIZE), [{ is: 'kept', reason: /smaller/ }]);
  t.match(await recoverRedoLogs(store, open(disk), SIZE), [{ is: 'applied' }]);
  t.ok(Buffer.from(disk.bytes).equals(Buffer.from(wanted)), 'once it is ours the change is made');
});

await t.test('a sector that the cut left unreadable is written again', async (t) => {
  const { disk, store, wanted } = await committed();
  const bad: BlockDevice = {
    name: 'disk0',
    capabilities: disk.capabilities,
    read: (offset, into) =>
      offset <= START + 4096 && offset + into.byteLength > START + 4096
        ? Promise.reject(new NsError('NS_BLOCK_IO', 'unreadable'))
        : disk.read(offset, into),
    write: (offset, data) => disk.write(offset, data),
    flush: () => disk.flush(),
    trim: () => disk.trim(0, 0),
    close: () => disk.close(),
  };
  t.match(await recoverRedoLogs(store, open(bad), SIZE), [{ is: 'applied' }]);
  t.ok(Buffer.from(disk.bytes).equals(Buffer.from(wanted)));
});

await t.test(
  'the change is made while the disk is kept for it, and kept for later where it is taken',
  async (t) => {
    const { disk, store, wanted } = await committed();
    const taken = {
      device: disk,
      critical: () => Promise.reject(new NsError('NS_LEASE_ENDED', 'the host wakes')),
    };
    t.match(await recoverRedoLogs(store, async () => taken, SIZE), [
      { is: 'kept', reason: /the host wakes/ },
    ]);
    let kept = false;
    const lease = {
      device: disk,
      async critical<T>(work: () => Promise<T>): Promise<T> {
        kept = true;
        return work();
      },
    };
    t.match(await recoverRedoLogs(store, async () => lease, SIZE), [{ is: 'applied' }]);
    t.ok(kept);
    t.ok(Buffer.from(disk.bytes).equals(Buffer.from(wanted)));
  },
);

await t.test('what a cut-off change had spilled is removed at start', async (t) => {
  const store = new MemoryState();
  await store.stagedFile('spill.disk0', 1000);
  t.same(await recoverRedoLogs(store, async () => undefined, SIZE), []);
  t.same(await store.names(''), []);
});

await t.test('a log body that rotted on our own storage is never applied', async (t) => {
  for (const at of [4096, 4096 + 16, 4096 + 40, 20_000]) {
    const { disk, store } = await committed();
    const before = disk.bytes.slice();
    const region = (await store.region('redo.disk0', SIZE)) as MemoryDevice;
    region.bytes[at]! ^= 1;
    t.match(await recoverRedoLogs(store, open(disk), SIZE), [{ is: 'kept', reason: /not as it was/ }]);
    t.ok(Buffer.from(disk.bytes).equals(Buffer.from(before)));
  }
});

await t.test('a log written for another disk is not applied to this one', async (t) => {
  const { disk, store } = await committed();
  const mine = (await store.region('redo.disk0', SIZE)) as MemoryDevice;
  const theirs = (await store.region('redo.disk1', SIZE)) as MemoryDevice;
  theirs.bytes.set(mine.bytes);
  await store.remove('redo.disk0');
  t.match(await recoverRedoLogs(store, open(disk), SIZE), [{ is: 'kept', reason: /written for disk0/ }]);
});

await t.test('fits tells exactly what the log has room for', async (t) => {
  const store = new MemoryState();
  const log = await openRedoLog(store, 'disk0', 80 * KiB);
  t.ok(log.fits([{ offset: 0, length: 64 * KiB }]));
  t.notOk(log.fits([{ offset: 0, length: 76 * KiB }]));
  t.notOk(log.fits(Array.from({ length: 75 }, (_, i) => ({ offset: i * 2048, length: 1024 }))));
});

await t.test('where there is no room for a log it is a small one, and stays that', async (t) => {
  const small = new MemoryState(5 * MiB);
  await (await openRedoLog(small, 'disk0')).close();
  await (await openRedoLog(small, 'disk0')).close();
  t.equal((await small.region('redo.disk0', SMALL_REDO_SIZE)).capabilities.size, SMALL_REDO_SIZE);
  t.match(await recoverRedoLogs(small, async () => undefined), [{ is: 'clean', disk: 'disk0' }]);
  const none = new MemoryState(MiB);
  await t.rejects(openRedoLog(none, 'disk0'), { code: 'NS_STATE_FULL' });
  const roomy = new MemoryState(64 * MiB);
  await (await openRedoLog(roomy, 'disk0')).close();
  t.equal((await roomy.region('redo.disk0', REDO_SIZE)).capabilities.size, REDO_SIZE);
});
