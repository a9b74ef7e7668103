import { randomBytes } from 'node:crypto';
import t from 'tap';
import { silentLog } from '../../../../src/adapters/log.ts';
import { allow, crc32, hours, minutes, seconds } from '../../../../src/base/index.ts';
import { type FilePart, FileParts, KEPT_FOR } from '../../../../src/programs/agent/console-transfer-parts.ts';
import { stage } from '../../../../src/tasks/file/staging.ts';
import { ResourceLocks } from '../../../../src/tasks/resource-lock.ts';
import type { TaskKind } from '../../../../src/tasks/task.ts';
import { deskBench } from '../../../kit/desk.ts';
import { LeapingClock } from '../../../kit/leaping-clock.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

const content = randomBytes(100_000);
const file = { name: 'a file', size: content.byteLength, mtime: 1_700_000_000 };

function shelf(store = new MemoryState(), largest = 1_000_000) {
  const clock = new LeapingClock();
  const locks = new ResourceLocks();
  const tryClaim = (name: string) => locks.tryClaim(name);
  const options = { store, clock, log: silentLog, largest, tryClaim };
  const open = async (key: string): Promise<FilePart> => {
    const part = await new FileParts(options).open(key);
    if (part === undefined) throw new Error('somebody has it');
    return part;
  };
  return { store, clock, open, parts: new FileParts(options) };
}

/** The beginning of the file comes, and the cable is pulled. */
async function begin(part: FilePart, bytes: number): Promise<void> {
  await part.begin(file);
  for (let at = 0; at < bytes; at += 1000) await part.write(at, content.subarray(at, at + 1000));
  await part.save();
  await part.close();
}

await t.test('a part is known again by name, size and time, and by the CRC-32 of what came', async (t) => {
  const { open } = shelf();
  await begin(await open('x'), 42_000);
  const again = await open('x');
  t.equal(again.waiting, 42_000);
  t.same(await again.begin(file), { bytes: 42_000, crc32: crc32(content.subarray(0, 42_000)) });
  await again.write(42_000, content.subarray(42_000));
  const whole = await again.whole();
  t.match(whole, { file });
  const back = new Uint8Array(500);
  await again.read(41_900, back);
  t.same(Buffer.from(back), content.subarray(41_900, 42_400));
  await again.close();
  for (const other of [
    { ...file, size: 99_999 },
    { ...file, mtime: 1 },
    { ...file, name: 'b' },
  ]) {
    const part = await open('x');
    t.same(await part.begin(other), { bytes: 0, crc32: 0 }, 'another file');
    await part.close();
  }
});

await t.test('what is written from 0 on takes the place of what was there', async (t) => {
  const { open } = shelf();
  await begin(await open('x'), 5000);
  const part = await open('x');
  await part.begin(file);
  const other = Buffer.from(content).fill(1, 0, 10);
  await part.write(0, other);
  const sha256 = (await part.whole())!.sha256;
  await part.close();
  const straight = await open('y');
  await straight.begin(file);
  await straight.write(0, other);
  t.same((await straight.whole())!.sha256, sha256);
  await t.rejects(straight.write(file.size, Uint8Array.of(1)), { code: 'NS_ZMODEM_SIZE' });
  await straight.drop();
});

await t.test('one at a time, four in all, a day long, and no larger than there is room', async (t) => {
  const { parts, clock, store } = shelf(new MemoryState(1_000_000), 600_000);
  const one = await parts.open('x');
  t.equal(await parts.open('x'), undefined, 'while somebody has it');
  await t.rejects(one!.begin({ ...file, size: 600_001 }), { code: 'NS_FILE_TOO_LARGE' });
  await t.rejects(one!.begin({ ...file, size: 550_000 }), { code: 'NS_STATE_FULL' });
  await begin(one!, 1000);
  for (const key of ['a', 'b', 'c', 'd']) {
    clock.leap(minutes(1));
    await begin((await parts.open(key))!, 1000);
  }
  t.equal((await store.names('staged-console-')).filter((name) => !name.endsWith('.map')).length, 4);
  t.equal((await parts.open('x'))!.waiting, 0, 'the oldest is gone');
  clock.leap(hours(KEPT_FOR / hours(1)));
  await parts.sweep();
  t.same(await store.names('staged-console-'), []);
});

await t.test('a note that is damaged is none', async (t) => {
  const { open, store } = shelf();
  await begin(await open('x'), 3000);
  const [name] = (await store.names('staged-console-')).filter((each) => each.endsWith('.map'));
  for (const text of [
    '',
    '{',
    '{"file":{},"got":1,"at":1}',
    '{"file":{"name":"a","size":1},"got":2,"at":1}',
  ]) {
    await store.writeDocument(name!, new TextEncoder().encode(text));
    const part = await open('x');
    t.equal(part.waiting, 0, text);
    await part.close();
  }
});

await t.test('a part that is open makes no room for an order; one that waits does', async (t) => {
  const store = new MemoryState(8 * 1024 * 1024);
  const clock = new LeapingClock();
  const partNames = async () =>
    (await store.names('staged-console-')).filter((name) => !name.endsWith('.map'));
  const kind: TaskKind<'task.list'> = {
    verb: 'task.list',
    pace: 'queued',
    pure: false,
    whileDisabled: false,
    deadline: seconds(60),
    noProgress: seconds(60),
    run: async (_order, context) => {
      const large = Math.floor((await store.free()) * 0.95);
      const put = () =>
        stage({ ...context, signal: AbortSignal.abort(new Error('enough')) }, large, new Uint8Array(32));
      const tryClaim = (name: string) => bench.desk.tryClaim(name);
      const parts = new FileParts({ store, clock, log: silentLog, largest: 1e7, tryClaim });
      const size = 3_000_000;
      const part = (await parts.open('x'))!;
      await part.begin({ ...file, size });
      await part.write(0, content);
      t.match(await put(), { ok: false, refusal: { code: 'STAGING_FULL' } });
      await parts.sweep();
      t.equal((await partNames()).length, 1, "it is somebody's");
      await part.close();
      await t.rejects(put(), { message: 'enough' });
      t.same(await partNames(), []);
      return allow({ tasks: [] });
    },
  };
  const bench = await deskBench({ registry: { 'task.list': kind }, store });
  await bench.submit(await bench.order({ verb: 'task.list', args: {} }));
  await bench.settle(seconds(1));
  t.match(bench.receipts(), [{ outcome: 'succeeded' }]);
});
