import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { toHex } from '../../../../src/base/index.ts';
import { confirm, readUpdateNote, writeUpdateNote } from '../../../../src/firmware/index.ts';
import { lookAtFirmware } from '../../../../src/tasks/firmware/look.ts';
import { fateOfUpdate } from '../../../../src/tasks/firmware/update.ts';
import { packUpdate } from '../../../kit/firmware-image.ts';
import { FlashBench, PowerGone, smallLayout } from '../../../kit/flash-bench.ts';
import { testKey } from '../../../kit/keys.ts';
import { MemoryState } from '../../../kit/memory-state.ts';
import { noise } from '../../../kit/noise.ts';
import { giveUpdate, ownFirmware } from '../../../kit/update-bench.ts';

const maker = testKey();
const operator = testKey();
const first = noise(10_000, 1);
const home = await mkdtemp(join(tmpdir(), 'nightshift-cut-short-'));
t.teardown(() => rm(home, { recursive: true }));
const pack = (content: Uint8Array, version: string) =>
  packUpdate(content, maker, { board: 'sim-host', version, rollback: 0 });

async function board(t: { teardown(done: () => unknown): void }, slotBytes = 96 * 1024) {
  const directory = await mkdtemp(join(home, 'board-'));
  const bench = await FlashBench.make(directory, smallLayout('nor', slotBytes), first, [maker]);
  const open = async (slot: 'a' | 'b') => {
    const slots = await bench.open(slot);
    t.teardown(() => slots.close());
    return ownFirmware(bench.description, slots);
  };
  return { bench, open, store: new MemoryState() };
}

await t.test(
  'going back to what was proven before is done when the boot starts that, not before',
  async (t) => {
    const { bench, open, store } = await board(t);
    await giveUpdate(await open('a'), store, await pack(noise(20_000, 2), '2.0.0'), operator);
    t.equal((await bench.boot()).start, 'b');
    const firmware = await open('b');
    await firmware.book.change((record) => confirm(record, 'b'));
    const back = await pack(first, '1.0.0');
    bench.restore({ operation: 1, share: 'none' });
    await t.rejects(giveUpdate(firmware, store, back, operator), { message: /power/ });
    bench.restore();
    const facts = { slot: 'a', version: '1.0.0', sha256: toHex(back.sha256) };
    const after = await open('b');
    t.equal(await fateOfUpdate(facts, after), 'absent', 'slot a holds it, and was not to be started yet');
    t.equal((await bench.boot()).start, 'b');
    const looked = await lookAtFirmware({ store }, after);
    t.ok(looked.ok && looked.value.update === undefined, 'nobody is told of a trial that never began');
    t.match(await giveUpdate(after, store, back, operator), { ok: true });
    t.equal(await fateOfUpdate(facts, after), 'done');
    await after.book.change((record) => confirm(record, 'a'));
    t.equal(await fateOfUpdate(facts, after), 'done', 'confirmed meanwhile');
  },
);

await t.test('a trial that never began is told of by nobody', async (t) => {
  const { open, store } = await board(t);
  const image = await pack(noise(20_000, 2), '2.0.0');
  const firmware = await open('a');
  await giveUpdate(firmware, store, image, operator);
  const note = await readUpdateNote(store);
  if (note === undefined) throw new Error('no note');
  // The note was written, and the record was not: as a cut between the two leaves it.
  const other = await board(t);
  await writeUpdateNote(other.store, note);
  const looked = await lookAtFirmware(other, await other.open('a'));
  t.ok(looked.ok && looked.value.update === undefined);
});

await t.test('what is known of the bytes of one image is forgotten when another is begun', async (t) => {
  const { bench, open, store } = await board(t, 400 * 1024);
  const one = await pack(noise(300_000, 3), '2.0.0');
  const other = await pack(noise(300_000, 4), '3.0.0');
  // Each is cut off in its slot: the first after some chunks, the other before its first ones were noted.
  const cutAfter = async (image: typeof one, operation: number): Promise<void> => {
    bench.restore({ operation, share: 'all' });
    const firmware = await open('a');
    // An end without power writes nothing down.
    const gone = { store: cutOff(store, () => bench.operations >= operation) };
    await t.rejects(giveUpdate(firmware, gone.store, image, operator), { message: /power/ });
    bench.restore();
  };
  await cutAfter(one, 75);
  await cutAfter(other, 20);
  t.match(await giveUpdate(await open('a'), store, one, operator), { ok: true }, 'it is not called corrupt');
});

/** Storage whose power goes with the flash's. */
function cutOff(store: MemoryState, gone: () => boolean): MemoryState {
  return new Proxy(store, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== 'function') return found;
      if (name !== 'writeDocument' && name !== 'remove') return found.bind(target);
      return (...args: unknown[]) =>
        gone() ? Promise.reject(new PowerGone('there is no power')) : found.apply(target, args);
    },
  });
}
