import { createPrivateKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { equalBytes, NsError } from '../../../../src/base/index.ts';
import { chooseSlot, confirm } from '../../../../src/firmware/index.ts';
import type { KeyStore } from '../../../../src/ports/index.ts';
import { keyStoreOf } from '../../../../src/security/index.ts';
import type { OwnFirmware } from '../../../../src/tasks/firmware/own-firmware.ts';
import { fateOfUpdate } from '../../../../src/tasks/firmware/update.ts';
import { packUpdate, type UpdateImage } from '../../../kit/firmware-image.ts';
import { FlashBench, smallLayout } from '../../../kit/flash-bench.ts';
import { testKey } from '../../../kit/keys.ts';
import { MemoryState } from '../../../kit/memory-state.ts';
import { noise } from '../../../kit/noise.ts';
import { giveUpdate, ownFirmware } from '../../../kit/update-bench.ts';

const maker = testKey();
const stranger = testKey();
const operator = testKey();
const first = noise(10_000, 1);
const second = noise(70_000, 2);
const made = { board: 'sim-host', version: '2.0.0', rollback: 5 };
const home = await mkdtemp(join(tmpdir(), 'nightshift-update-'));
t.teardown(() => rm(home, { recursive: true }));

const KiB = 1024;
const CHUNK = 64 * KiB;

interface Given {
  readonly firmware: OwnFirmware;
  readonly bench: FlashBench;
  readonly give: (image: UpdateImage, sent?: Uint8Array) => ReturnType<typeof giveUpdate>;
}

/** A board in a file, with version 1.0.0 in slot a, whose agent takes updates. */
async function board(
  t: { teardown(done: () => unknown): void },
  more: Parameters<typeof FlashBench.make>[4] = {},
  keys: readonly KeyStore[] = [maker],
  slotBytes = 96 * KiB,
): Promise<Given> {
  const directory = await mkdtemp(join(home, 'board-'));
  const bench = await FlashBench.make(directory, smallLayout('nor', slotBytes), first, keys, more);
  const slots = await bench.open('a');
  t.teardown(() => slots.close());
  const store = new MemoryState();
  const firmware = await ownFirmware(bench.description, slots);
  return { bench, firmware, give: (image, sent) => giveUpdate(firmware, store, image, operator, sent) };
}

const refused = (code: string) => ({ ok: false, refusal: { code } });

await t.test('what the device may not take is refused before the medium is touched', async (t) => {
  const { bench, give } = await board(t, { rollback: 5 });
  const cases: [string, UpdateImage][] = [
    ['FIRMWARE_NOT_FOR_BOARD', await packUpdate(second, maker, { ...made, board: 'rainier' })],
    ['FIRMWARE_INVALID', await packUpdate(second, maker, made, 'root')],
    ['FIRMWARE_TOO_LARGE', await packUpdate(noise(96 * 1024 + 1, 3), maker, made)],
    ['FIRMWARE_TOO_OLD', await packUpdate(second, maker, { ...made, rollback: 4 })],
    ['KEY_UNKNOWN', await packUpdate(second, stranger, made)],
  ];
  for (const [code, image] of cases) t.match(await give(image), refused(code), code);
  const good = await packUpdate(second, maker, made);
  const other = await packUpdate(first, maker, made);
  t.match(await give({ ...good, sha256: other.sha256 }), refused('FIRMWARE_INVALID'), 'other bytes');
  for (let at = 0; at < good.signed.byteLength; at += 7) {
    const signed = good.signed.slice();
    signed[at] = (signed[at] ?? 0) ^ 4;
    t.match(await give({ ...good, signed }), { ok: false }, `a flipped bit in byte ${at}`);
  }
  t.equal(bench.operations, 0);
  t.ok(equalBytes((await bench.boot()).bytes, first));
});

await t.test('a release takes nothing that the test key has signed, whatever its own keys are', async (t) => {
  const everybodys = keyStoreOf(createPrivateKey(await readFile('flash/test-key.pem')));
  const image = await packUpdate(second, everybodys, made);
  const trusting = await board(t, { release: true }, [maker, everybodys]);
  t.match(await trusting.give(image), refused('FIRMWARE_TEST_KEY'));
  const strict = await board(t, { release: true });
  t.match(await strict.give(image), refused('FIRMWARE_TEST_KEY'));
  const workshop = await board(t, {}, [everybodys]);
  t.match(await workshop.give(image), { ok: true, value: { state: 'trying' } });
});

await t.test('bytes that are not those of the manifest are never started', async (t) => {
  const { bench, give } = await board(t);
  const image = await packUpdate(second, maker, made);
  const flipped = second.slice();
  flipped[66_000] = (flipped[66_000] ?? 0) ^ 1;
  t.match(await give(image, flipped), refused('TRANSFER_CORRUPT'));
  const { start, bytes } = await bench.boot();
  t.equal(start, 'a');
  t.ok(equalBytes(bytes, first));
  t.match(await give(image), { ok: true }, 'and the right ones are taken after that');
});

await t.test('an upload that ends early starts nothing, and the next one goes on where it was', async (t) => {
  const { bench, firmware } = await board(t, {}, [maker], 1024 * KiB);
  const store = new MemoryState();
  const long = noise(15 * CHUNK + 99, 4);
  const image = await packUpdate(long, maker, made);
  const gone = giveUpdate(firmware, store, image, operator, long, (offset) => {
    if (offset >= 11 * CHUNK) throw new Error('the operator has gone');
  });
  await t.rejects(gone, { code: 'NS_TRANSFER_STOPPED' });
  t.equal((await bench.boot()).start, 'a');
  let writes = 0;
  bench.onOperation = (what) => {
    if (what === 'write') writes += 1;
    if (writes > 9) throw new NsError('NS_FLASH', 'it does not take this one');
  };
  await t.rejects(giveUpdate(firmware, store, image, operator), { code: 'NS_FLASH' });
  bench.onOperation = (what) => {
    if (what === 'write') writes += 1;
  };
  t.match(await giveUpdate(firmware, store, image, operator), { ok: true, value: { state: 'trying' } });
  t.ok(writes <= 10 + 16 - 8 + 1, `${writes} writes in all, where all of it twice would be 32`);
  const { start, bytes } = await bench.boot();
  t.equal(start, 'b');
  t.ok(equalBytes(bytes, long));
});

await t.test(
  'flash that does not erase, or does not keep what is written, fails the update alone',
  async (t) => {
    const { bench, give } = await board(t);
    const image = await packUpdate(second, maker, made);
    bench.onOperation = (what, partition) => {
      if (what === 'erase' && partition === 'app-b') throw new NsError('NS_FLASH', 'erasing app-b failed');
    };
    await t.rejects(give(image), { code: 'NS_FLASH', message: /erasing app-b/ });
    bench.onOperation = () => {};
    // A bit that stays zero: neither the erase nor the write says so.
    bench.stuck = { partition: 'app-b', at: 40_000 };
    await t.rejects(give(image), { code: 'NS_FLASH', message: /does not read back/ });
    bench.stuck = undefined;
    bench.onOperation = (what, partition) => {
      if (what === 'erase' && partition === 'u-boot-env') throw new NsError('NS_FLASH', 'erasing failed');
    };
    await t.rejects(give(image), { code: 'NS_FLASH' });
    const { start, bytes } = await bench.boot();
    t.equal(start, 'a');
    t.ok(equalBytes(bytes, first));
  },
);

await t.test('erase blocks larger than a chunk are erased one by one, as each takes its time', async (t) => {
  const directory = await mkdtemp(join(home, 'board-'));
  const block = 2 * CHUNK;
  const bench = await FlashBench.make(directory, smallLayout('nor', 4 * block, block), first, [maker]);
  const slots = await bench.open('a');
  t.teardown(() => slots.close());
  const range = slots.slots.b;
  const erased: (readonly [number, number])[] = [];
  const firmware = await ownFirmware(bench.description, {
    ...slots,
    slots: {
      ...slots.slots,
      b: {
        ...range,
        erase: async (offset, length, signal) => {
          erased.push([offset, length]);
          await range.erase(offset, length, signal);
        },
      },
    },
  });
  const long = noise(2 * block + 99, 4);
  const image = await packUpdate(long, maker, made);
  t.match(await giveUpdate(firmware, new MemoryState(), image, operator), { ok: true });
  t.same(
    erased,
    [0, 1, 2].map((n) => [n * block, block]),
  );
  const { start, bytes } = await bench.boot();
  t.equal(start, 'b');
  t.ok(equalBytes(bytes, long));
});

await t.test('what ran before and is whole still is tried without being sent', async (t) => {
  const { bench, give } = await board(t);
  const image = await packUpdate(second, maker, made);
  await give(image);
  const { start } = await bench.boot();
  t.equal(start, 'b');
  const slots = await bench.open('b');
  t.teardown(() => slots.close());
  const firmware = await ownFirmware(bench.description, slots);
  await firmware.book.change((record) => confirm(record, 'b'));
  const back = await packUpdate(first, maker, { ...made, version: '1.0.0' });
  const before = bench.operations;
  t.match(await giveUpdate(firmware, new MemoryState(), back, operator, new Uint8Array()), {
    ok: true,
    value: { state: 'trying', slot: 'a' },
  });
  t.equal(bench.operations - before, 2, 'one copy of the record was erased and written');
  await bench.flip('a', 5);
  t.equal((await bench.boot()).start, 'b', 'and one with a flipped bit is not started');
});

await t.test('after a restart the medium tells whether an update took effect', async (t) => {
  const { bench, give } = await board(t);
  const image = await packUpdate(second, maker, made);
  const slots = await bench.open('a');
  t.teardown(() => slots.close());
  const firmware = await ownFirmware(bench.description, slots);
  const facts = { slot: 'b', version: '2.0.0', sha256: Buffer.from(image.sha256).toString('hex') };
  t.equal(await fateOfUpdate(facts, firmware), 'absent');
  await give(image);
  t.equal(await fateOfUpdate(facts, firmware), 'done');
  await firmware.book.change((record) => {
    const { record: tried } = chooseSlot(record, (slot) => slot === 'a');
    return tried;
  });
  t.equal(await fateOfUpdate(facts, firmware), 'done', 'it was on trial, and is bad now');
  t.equal(await fateOfUpdate({ ...facts, version: '2.0.1' }, firmware), 'absent');
});
