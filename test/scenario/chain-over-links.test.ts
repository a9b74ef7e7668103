import { randomInt } from 'node:crypto';
import t, { type Test } from 'tap';
import { systemScheduler } from '../../src/adapters/system-scheduler.ts';
import { milliseconds, toHex } from '../../src/base/index.ts';
import {
  BlockDrive,
  ChainRouter,
  DrivePlug,
  Hba,
  HOST_PORT_TIMINGS,
  millis,
  Ptddc,
  RemotePlug,
  servePlug,
  unitTimingsFor,
} from '../../src/sata-chain/index.ts';
import {
  type BenchFaults,
  inProcessBench,
  type LinkBench,
  serialBench,
  socketBench,
} from '../kit/chain-links.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';
import { FakeUnitMemory } from '../kit/unit-chain.ts';

const SECTORS = [100, 150] as const;
const newIncarnation = () => randomInt(1, 2 ** 32);

/** Two units, each with its drive, and a host at the head; between the units a link. */
async function chain(t: Test, opened: Promise<LinkBench>) {
  const bench = await opened;
  const scheduler = systemScheduler();
  const timings = unitTimingsFor(millis(bench.a.capabilities.roundTrip));
  const images = SECTORS.map((count, i) => new MemoryDevice(`image${i}`, count * 512));
  const drives = images.map(
    (image, i) => new DrivePlug(scheduler, new BlockDrive(image, { serial: `DRIVE${i}` })),
  );
  const units = images.map((_, i) => {
    const unit = new Ptddc({
      scheduler,
      memory: new FakeUnitMemory(),
      router: new ChainRouter(),
      unit: `${i}`.padStart(16, '0'),
      timings,
    });
    unit.attach('ddi', drives[i]);
    return unit;
  });
  const [head, tail] = units as [Ptddc, Ptddc];
  const served = servePlug(tail.pti, bench.b, scheduler, { newIncarnation });
  const below = new RemotePlug(bench.a, scheduler, { newIncarnation });
  head.attach('pto', below);
  const hba = new Hba({ scheduler, plug: head.pti, timings: { ...HOST_PORT_TIMINGS, phy: timings.phy } });
  t.teardown(async () => {
    hba.close();
    for (const drive of drives) drive.powerOff();
    for (const unit of units) unit.powerOff();
    below.close();
    served.close();
    await bench.done();
  });
  for (const drive of drives) drive.powerOn();
  for (const unit of units) await unit.powerOn();
  hba.powerOn();
  return { bench, hba, images, head, tail };
}

async function reads(hba: Hba, lba: number, data: Uint8Array): Promise<boolean> {
  const into = new Uint8Array(data.length);
  await hba.target.read(lba, into);
  return toHex(into) === toHex(data);
}

async function works(t: Test, opened: Promise<LinkBench>): Promise<void> {
  const { bench, hba, images } = await chain(t, opened);
  await eventually(() => hba.disk?.sectors === 250);
  const data = noise(40 * 512, 11);
  await hba.target.write(80, data, false);
  await hba.target.flush();
  t.equal(toHex(images[0]!.bytes.subarray(80 * 512)), toHex(data.subarray(0, 20 * 512)));
  t.equal(toHex(images[1]!.bytes.subarray(0, 20 * 512)), toHex(data.subarray(20 * 512)));
  t.ok(await reads(hba, 80, data));
  const many = Array.from({ length: 12 }, (_, i) => noise(9 * 512, i));
  await Promise.all(many.map((piece, i) => hba.target.write(101 + i * 10, piece, i % 2 === 0)));
  t.ok((await Promise.all(many.map((piece, i) => reads(hba, 101 + i * 10, piece)))).every(Boolean));
  await t.rejects(hba.target.read(249, new Uint8Array(2 * 512)), { code: 'NS_ATA_RANGE', lba: 250 });

  bench.cut();
  const under = hba.target.read(200, new Uint8Array(512));
  await t.rejects(under, { name: 'NsError' }, 'what is under way ends');
  bench.restore();
  // The host may have lost its disk meanwhile, and finds the same one again.
  await eventually(() => reads(hba, 101, many[0]!).catch(() => false), 30_000);
  t.equal(hba.disk?.sectors, 250);
}

const faulty: BenchFaults = {
  seed: 4,
  line: { flip: 0.02, drop: 0.03, double: 0.02, noise: 0.02 },
};

await t.test('units in one process', (t) => works(t, inProcessBench()));
await t.test('units in one process, frames lost and late', (t) =>
  works(t, inProcessBench({ seed: 2, link: { loss: 0.1, delay: milliseconds(2) } })),
);
await t.test('units joined by a unix socket', (t) => works(t, socketBench()));
await t.test('units joined by a unix socket that damages bytes', (t) => works(t, socketBench(faulty)));
await t.test('units joined by a serial line', (t) => works(t, serialBench()));
await t.test('units joined by a serial line that damages bytes', (t) => works(t, serialBench(faulty)));
