import t from 'tap';
import { equalBytes } from '../../../../src/base/index.ts';
import { AtaFault, millis } from '../../../../src/sata-chain/index.ts';
import { ArrayBench, SECTOR, unitOf } from '../../../kit/array-bench.ts';
import { noise } from '../../../kit/noise.ts';
import { seededRandom } from '../../../kit/power-cut.ts';

const PAIR = { stretches: [{ mirror: [unitOf(0), unitOf(1)], equal: true }] };
const PAIR_AND_SPARE = { ...PAIR, spares: [unitOf(2)] };

async function pair(layout: unknown = PAIR, sizes = [64, 64]): Promise<ArrayBench> {
  const bench = new ArrayBench(sizes, layout);
  await bench.open();
  return bench;
}

async function readAll(bench: ArrayBench): Promise<Uint8Array> {
  const all = new Uint8Array(bench.array.status().sectors * SECTOR);
  await bench.array.target.read(0, all);
  return all;
}

async function faultOf(doing: Promise<unknown>): Promise<AtaFault | undefined> {
  return doing.then(
    () => undefined,
    (error: unknown) => (error instanceof AtaFault ? error : undefined),
  );
}

await t.test('spanned drives are one disk, in chain order, with faults at the host LBA', async (t) => {
  const bench = new ArrayBench([16, 8, 32], {
    stretches: [{ span: unitOf(0) }, { span: unitOf(2) }, { span: unitOf(1) }],
  });
  const { target } = await bench.open();
  t.equal((await target.identify()).sectors, 56);
  const data = noise(56 * SECTOR, 1);
  await target.write(0, data, false);
  t.ok(equalBytes(await readAll(bench), data));
  await target.flush();
  t.ok(equalBytes(bench.members[1]!.device.bytes, data.subarray(48 * SECTOR)), 'the last stretch is there');
  bench.members[2]!.faults.unreadable.add(5);
  const fault = await faultOf(target.read(10, new Uint8Array(20 * SECTOR)));
  t.equal(fault?.kind, 'MEDIUM');
  t.equal(fault?.lba, 16 + 5);
  t.equal((await faultOf(target.read(55, new Uint8Array(2 * SECTOR))))?.kind, 'RANGE');
  await bench.array.close();
});

await t.test('a mirror pair shows the smaller size and has every write on both', async (t) => {
  const bench = await pair(PAIR, [64, 80]);
  const { target } = bench.array;
  t.equal((await target.identify()).sectors, 64);
  const data = noise(64 * SECTOR, 2);
  await target.write(0, data, true);
  t.ok(equalBytes(bench.members[0]!.device.bytes, data));
  t.ok(equalBytes(bench.members[1]!.device.bytes.subarray(0, 64 * SECTOR), data));
  t.equal(bench.members[0]!.faults.countOf('write-fua'), 1);
  t.equal(bench.members[1]!.faults.countOf('write-fua'), 1, 'FUA reaches both');
  await target.flush();
  t.equal(bench.members[1]!.faults.countOf('flush'), 1);
  await bench.array.close();
});

await t.test('a copy that cannot write is out for good before the write is done', async (t) => {
  const bench = await pair();
  const { target } = bench.array;
  bench.members[0]!.faults.unwritable.add(3);
  const before = await target.identify();
  await target.write(0, noise(8 * SECTOR, 3), false);
  t.equal(bench.array.status().state, 'degraded');
  t.same(await target.identify(), before, 'the disk that the host sees is the same');
  t.match(bench.events, [{ kind: 'member-failed', unit: unitOf(0) }]);
  await target.flush();
  bench.cut();
  bench.members[0]!.faults.unwritable.clear();
  await bench.open();
  t.equal(
    bench.array.status().members[0]!.role,
    'failed',
    'the failed drive is not taken back after a restart',
  );
  t.ok(equalBytes((await readAll(bench)).subarray(0, 8 * SECTOR), noise(8 * SECTOR, 3)));
  await bench.array.close();
});

await t.test('no write is done before what it depends on is durable in own storage', async (t) => {
  const bench = await pair();
  const { target } = bench.array;
  const waits = async (doing: Promise<void>): Promise<void> => {
    let done = false;
    const all = doing.then(() => {
      done = true;
    });
    await bench.until(() => done, 50);
    t.notOk(done);
    open();
    await all;
  };
  let open = () => {};
  const shut = () => {
    bench.storageGate = new Promise((resolve) => {
      open = resolve;
    });
  };
  shut();
  const intent = target.write(0, noise(SECTOR, 20), false);
  await waits(intent);
  t.equal(bench.members[1]!.faults.countOf('write'), 1);
  bench.members[0]!.faults.dead = true;
  shut();
  await waits(target.write(0, noise(SECTOR, 21), false));
  t.equal(bench.array.status().members[0]!.role, 'failed');
  await bench.array.close();
});

await t.test('a copy that hangs is cut off, and the write still ends', async (t) => {
  const bench = await pair();
  bench.members[1]!.faults.hung = true;
  await bench.array.target.write(0, noise(SECTOR, 4), false);
  t.same(
    bench.array.status().members.map(({ role }) => role),
    ['data', 'failed'],
  );
  t.ok(bench.scheduler.now() >= millis(8000), 'it had its time');
  await bench.array.close();
});

await t.test(
  'a drive that was given up for a write is no spare while that write may still land',
  async (t) => {
    const bench = await pair();
    const late = bench.members[1]!;
    late.faults.hung = true;
    await bench.array.target.write(0, noise(SECTOR, 4), false);
    const drive = { serial: late.serial, sectors: late.device.capabilities.size / SECTOR };
    late.faults.hung = false;
    t.match(await bench.array.addSpare(late.unit, drive), { ok: false, refusal: { code: 'ARRAY_REFUSED' } });
    bench.cut();
    await bench.open();
    t.match(await bench.array.addSpare(late.unit, drive), { ok: true }, 'nothing outlives the process');
    t.ok(await bench.healthy());
    await bench.array.close();
  },
);

await t.test('where both copies fail the host gets the fault, and none of them is put out', async (t) => {
  const bench = await pair();
  bench.members[0]!.faults.unwritable.add(5);
  bench.members[1]!.faults.unwritable.add(6);
  const fault = await faultOf(bench.array.target.write(2, noise(8 * SECTOR, 5), false));
  t.equal(fault?.kind, 'MEDIUM');
  t.equal(fault?.lba, 5);
  t.same(
    bench.array.status().stretches.map(({ copies }) => copies.length),
    [2],
  );
  await bench.array.close();
});

await t.test('a bad sector is read from the mirror and written anew', async (t) => {
  const bench = await pair();
  const { target } = bench.array;
  const data = noise(64 * SECTOR, 6);
  await target.write(0, data, false);
  bench.members[0]!.faults.unreadable.add(9);
  bench.members[1]!.faults.unreadable.add(30);
  t.ok(equalBytes(await readAll(bench), data), 'each copy gives what the other cannot');
  t.ok(await bench.until(() => bench.events.some(({ kind }) => kind === 'sectors-repaired')));
  t.ok(await bench.until(() => bench.members.every(({ faults }) => faults.unreadable.size === 0)));
  t.ok(bench.array.status().members[0]!.readFaults > 0, 'and counted');
  await bench.array.close();
});

await t.test('a sector that is bad on both is UNC at its LBA', async (t) => {
  const bench = await pair();
  for (const { faults } of bench.members) faults.unreadable.add(12);
  const fault = await faultOf(bench.array.target.read(4, new Uint8Array(16 * SECTOR)));
  t.equal(fault?.kind, 'MEDIUM');
  t.equal(fault?.lba, 12);
  await bench.array.target.verify(13, 20);
  t.equal((await faultOf(bench.array.target.verify(0, 20)))?.lba, 12);
  await bench.array.close();
});

await t.test('a drive that stops answering is read around, and put out after some faults', async (t) => {
  const bench = await pair();
  bench.members[0]!.faults.dead = true;
  for (let i = 0; i < 10; i += 1) await bench.array.target.read(i, new Uint8Array(SECTOR));
  t.equal(bench.array.status().members[0]!.role, 'failed');
  t.equal(bench.array.status().members[1]!.role, 'data');
  await bench.array.close();
});

await t.test('a late answer of a drive that was given up does not reach the host buffer', async (t) => {
  const bench = await pair();
  await bench.array.target.write(0, noise(SECTOR, 7), false);
  Object.assign(bench.members[0]!.faults, { delay: millis(6000), deaf: true });
  const into = new Uint8Array(SECTOR);
  await bench.array.target.read(0, into);
  into.fill(0x11);
  const started = bench.scheduler.now();
  bench.scheduler.after(millis(20_000), () => {});
  await bench.until(() => bench.scheduler.now() >= started + millis(15_000));
  t.ok(into.every((byte) => byte === 0x11));
  await bench.array.close();
});

await t.test('a copy that cannot flush is out; a single drive that cannot is a fault', async (t) => {
  const bench = new ArrayBench([16, 16, 16], {
    stretches: [{ mirror: [unitOf(0), unitOf(1)], equal: true }, { span: unitOf(2) }],
  });
  const { target } = await bench.open();
  bench.members[1]!.faults.flushFails = true;
  await target.flush();
  t.equal(bench.array.status().members[1]!.role, 'failed');
  bench.members[2]!.faults.flushFails = true;
  const fault = await faultOf(target.flush());
  t.equal(fault?.kind, 'MEDIUM');
  t.equal(fault?.lba, undefined, 'no sector of the host is to blame');
  bench.members[2]!.faults.flushFails = false;
  await bench.array.close();
});

await t.test('SMART is that of the worst live drive', async (t) => {
  const bench = await pair(PAIR_AND_SPARE, [16, 16, 16]);
  bench.members[2]!.faults.smart = 'failing';
  t.equal(await bench.array.target.smartStatus(), 'good', 'a spare is not the disk of the host');
  bench.members[1]!.faults.smart = 'failing';
  t.equal(await bench.array.target.smartStatus(), 'failing');
  await bench.array.close();
});

await t.test('overlapping writes are the same on both copies', async (t) => {
  const bench = await pair();
  const random = seededRandom(11);
  for (const { faults } of bench.members) faults.delay = () => millis(Math.floor(random() * 20));
  const { target } = bench.array;
  const writes = Array.from({ length: 12 }, (_, i) =>
    target.write((i * 5) % 24, noise(10 * SECTOR, 100 + i), false),
  );
  await Promise.all(writes);
  await target.flush();
  t.ok(equalBytes(bench.members[0]!.device.bytes, bench.members[1]!.device.bytes));
  await bench.array.close();
});

await t.test(
  'a write that the host aborts fails no drive, and its copies are made equal again',
  async (t) => {
    const bench = await pair();
    const { target } = bench.array;
    await target.write(0, noise(8 * SECTOR, 8), false);
    bench.members[1]!.faults.delay = millis(50);
    const abort = new AbortController();
    bench.scheduler.after(millis(10), () => abort.abort());
    t.ok(await faultOf(target.write(0, noise(8 * SECTOR, 9), false, abort.signal)));
    t.ok(await bench.healthy());
    await target.flush();
    t.ok(equalBytes(bench.members[0]!.device.bytes, bench.members[1]!.device.bytes));
    await bench.array.close();
  },
);
