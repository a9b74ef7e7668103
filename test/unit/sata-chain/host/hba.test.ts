import t from 'tap';
import { Wheel } from '../../../../src/adapters/sim/chain/index.ts';
import {
  BlockDrive,
  DrivePlug,
  Hba,
  type Level,
  millis,
  type Nanoseconds,
  type SataTarget,
} from '../../../../src/sata-chain/index.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

interface Rig {
  readonly wheel: Wheel;
  readonly drive: DrivePlug;
  readonly hba: Hba;
  readonly disks: (number | undefined)[];
  readonly run: (time: Nanoseconds) => Promise<void>;
}

function rig(
  options: { readonly spinUp?: Nanoseconds; readonly target?: SataTarget; readonly sectors?: number } = {},
): Rig {
  const wheel = new Wheel();
  const block = new BlockDrive(new MemoryDevice('d', 512 * (options.sectors ?? 8)), { serial: 'D' });
  const drive = new DrivePlug(wheel, options.target ?? block, { spinUp: options.spinUp ?? millis(2) });
  const hba = new Hba({ scheduler: wheel, plug: drive });
  const disks: (number | undefined)[] = [];
  hba.onDisk((disk) => disks.push(disk?.sectors));
  const settle = async () => {
    for (let i = 0; i < 8; i += 1) await Promise.resolve();
  };
  const run = async (time: Nanoseconds) => {
    const until = wheel.now() + time;
    for (await settle(); wheel.step(until); ) await settle();
    wheel.run(millis((until - wheel.now()) / 1e6));
  };
  return { wheel, drive, hba, disks, run };
}

await t.test('a drive that spins up for half a minute is waited for', async (t) => {
  const { drive, hba, disks, run } = rig({ spinUp: millis(30_000) });
  drive.powerOn();
  hba.powerOn();
  await run(millis(29_900));
  t.same(disks, []);
  t.equal(hba.port.state, 'waiting');
  await run(millis(200));
  t.same(disks, [8]);
});

await t.test(
  'a device that signs too late is given up after three tries, and taken when the host looks again',
  async (t) => {
    const { drive, hba, disks, run } = rig({ spinUp: millis(200_000) });
    drive.powerOn();
    hba.powerOn();
    await run(millis(150_000));
    t.equal(hba.port.state, 'empty');
    await run(millis(60_000));
    t.same(disks, [], 'a signature that nobody waits for is not heard');
    hba.reset();
    await run(millis(1000));
    t.same(disks, [8]);
  },
);

await t.test('a device that gives no IDENTIFY data is given up', async (t) => {
  let asked = 0;
  const block = new BlockDrive(new MemoryDevice('d', 512), { serial: 'D' });
  block.identify = async () => {
    asked += 1;
    throw new Error('no');
  };
  const { drive, hba, disks, run } = rig({ target: block });
  drive.powerOn();
  hba.powerOn();
  await run(millis(200_000));
  t.equal(hba.port.state, 'empty');
  t.equal(asked, 3);
  t.same(disks, []);
});

await t.test('without a device the port rests, and a device plugged in later is found', async (t) => {
  const { drive, hba, disks, run } = rig();
  hba.powerOn();
  await run(millis(5000));
  t.equal(hba.port.state, 'empty');
  drive.powerOn();
  await run(millis(1000));
  t.same(disks, [8]);
  drive.powerOff();
  await run(millis(1000));
  t.same(disks, [8, undefined]);
});

await t.test('a device without sectors is no disk', async (t) => {
  const { drive, hba, disks, run } = rig({ sectors: 0 });
  drive.powerOn();
  hba.powerOn();
  await run(millis(1000));
  t.equal(hba.port.state, 'ready');
  t.equal(hba.disk, undefined);
  t.same(disks, []);
  await t.rejects(hba.target.flush(), { code: 'NS_ATA_ABORTED' });
});

await t.test('a reset is no loss to a host that makes it: one disk gone, one disk back', async (t) => {
  const { drive, hba, disks, run } = rig();
  drive.powerOn();
  hba.powerOn();
  await run(millis(1000));
  hba.reset();
  await run(millis(1000));
  t.same(disks, [8, undefined, 8]);
});

await t.test('a closed port lets go: no timer is left and no command passes', async (t) => {
  const { drive, hba, disks, run, wheel } = rig();
  drive.powerOn();
  hba.powerOn();
  await run(millis(1000));
  hba.close();
  drive.powerOff();
  t.same(disks, [8, undefined]);
  await t.rejects(hba.target.read(0, new Uint8Array(512)), { code: 'NS_ATA_ABORTED' });
  const fired = wheel.fired;
  await run(millis(10_000));
  t.ok(wheel.fired - fired <= 1, 'at most the word that the line went quiet');
});

await t.test('a signature that nobody asked for means that the device began anew', async (t) => {
  const wheel = new Wheel();
  const levels: ((level: Level) => void)[] = [];
  const signatures: (() => void)[] = [];
  const keep = <T>(list: T[], listener: T) => {
    list.push(listener);
    return () => {};
  };
  const identity = new BlockDrive(new MemoryDevice('d', 512), { serial: 'D' });
  const hba = new Hba({
    scheduler: wheel,
    plug: {
      wire: { transmit: () => {}, onLevel: (listener) => keep(levels, listener) },
      onSignature: (listener) => keep(signatures, listener),
      target: identity,
    },
  });
  const disks: boolean[] = [];
  hba.onDisk((disk) => disks.push(disk !== undefined));
  hba.powerOn();
  wheel.run(millis(0.01));
  for (const level of ['COMINIT', 'idle'] as const) levels[0]!(level);
  wheel.run(millis(0.01));
  for (const level of ['COMWAKE', 'ALIGN3', 'SYNC3'] as const) levels[0]!(level);
  signatures[0]!();
  wheel.run(millis(200));
  for (let i = 0; i < 8; i += 1) await Promise.resolve();
  t.same(disks, [true]);
  signatures[0]!();
  t.same(disks, [true, false]);
});
