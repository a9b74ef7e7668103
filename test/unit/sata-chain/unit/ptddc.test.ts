import t from 'tap';
import { AtaFault, BlockDrive, DrivePlug, millis } from '../../../../src/sata-chain/index.ts';
import { unitChain } from '../../../kit/unit-chain.ts';

const sector = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);

await t.test('a host reads and writes through units as through one disk', async (t) => {
  const chain = unitChain([10, 20, 30]);
  const disks: (number | undefined)[] = [];
  chain.hba.onDisk((disk) => disks.push(disk?.sectors));
  await chain.powerOn();
  t.same(disks, [60]);
  await chain.hba.target.write(9, Uint8Array.of(...sector(1), ...sector(2)), false);
  t.equal(chain.images[0]!.bytes[9 * 512], 1, 'the last sector of the first drive');
  t.equal(chain.images[1]!.bytes[0], 2, 'the first sector of the second');
  const back = new Uint8Array(512);
  await chain.hba.target.read(10, back);
  t.same(back, sector(2));
});

await t.test(
  'a drive pulled takes the whole disk away, and brings it back when it is put back',
  async (t) => {
    const chain = unitChain([10, 20, 30]);
    const disks: (number | undefined)[] = [];
    chain.hba.onDisk((disk) => disks.push(disk?.sectors));
    await chain.powerOn();
    chain.units[1]!.attach('ddi', undefined);
    await chain.run(millis(5000));
    t.same(disks, [60, undefined]);
    t.equal(chain.units[1]!.state.t.state, 'T2H');
    await t.rejects(chain.hba.target.read(0, sector(0)), { code: 'NS_ATA_ABORTED' });
    chain.units[1]!.attach('ddi', chain.drives[1]);
    await chain.run(millis(5000));
    t.same(disks, [60, undefined, 60]);
  },
);

await t.test('what is under way when the disk goes fails at once', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  const image = chain.images[0]!;
  image.read = () => new Promise(() => {});
  const read = chain.hba.target.read(0, sector(0));
  chain.hba.reset();
  await t.rejects(read, { code: 'NS_ATA_ABORTED' });
});

await t.test(
  'a disabled unit is silent, stays so through a power pull, and comes back when enabled',
  async (t) => {
    const chain = unitChain([10, 20]);
    await chain.powerOn();
    const head = chain.units[0]!;
    t.match(await chain.settle(head.order('disable')), { ok: true });
    t.equal(chain.memories[0]!.record?.locked, true, 'written down before the answer');
    await chain.run(millis(1000));
    t.equal(chain.hba.disk, undefined);
    t.equal(head.registers().pti.sstatus, 4);
    for (let i = 0; i < 3; i += 1) {
      head.powerOff();
      await chain.run(millis(100));
      await head.powerOn();
      chain.hba.reset();
      await chain.run(millis(2000));
      t.equal(chain.hba.disk, undefined);
      t.equal(chain.hba.port.phy.seen, false, 'the host has not even seen a device');
    }
    t.match(await chain.settle(head.order('disable')), { ok: true }, 'disabled already');
    t.match(await chain.settle(head.order('enable')), { ok: true });
    await chain.run(millis(2000));
    t.equal(chain.hba.disk?.sectors, 30);
  },
);

await t.test('a lock that cannot be kept is not reported as kept', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  chain.memories[0]!.broken = new Error('worn out');
  await t.rejects(chain.settle(chain.units[0]!.order('disable')), /worn out/);
  t.ok(chain.troubles.length > 0);
  chain.memories[0]!.broken = undefined;
  await chain.run(millis(2000));
  t.equal(chain.units[0]!.state.t.state, 'T7', 'and is tried until it is');
});

await t.test('the controller owns the chain unseen by the host, and hands it back flushed', async (t) => {
  const chain = unitChain([10, 20]);
  await chain.powerOn();
  const head = chain.units[0]!;
  await t.rejects(head.bmc.read(0, sector(0)), { code: 'NS_ATA_ABORTED' }, 'not ours yet');
  t.match(await chain.settle(head.order('own')), { ok: true });
  await chain.run(millis(100));
  t.equal(chain.hba.disk, undefined);
  t.equal(head.registers().pti.sstatus, 4);
  await head.bmc.write(15, sector(7), false);
  let flushes = 0;
  for (const image of chain.images) {
    image.flush = async () => {
      flushes += 1;
    };
  }
  t.match(await chain.settle(head.order('hand-back')), { ok: true });
  t.equal(flushes, 2);
  await t.rejects(head.bmc.read(0, sector(0)), { code: 'NS_ATA_ABORTED' }, 'ours no more');
  await chain.run(millis(1000));
  const back = new Uint8Array(512);
  await chain.hba.target.read(15, back);
  t.same(back, sector(7));
});

await t.test('a hand-back does not wait for a drive that hangs', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  const head = chain.units[0]!;
  await chain.settle(head.order('own'));
  chain.images[0]!.read = () => new Promise(() => {});
  const hung = head.bmc.read(0, sector(0)).catch((error: AtaFault) => error.code);
  t.match(await chain.settle(head.order('hand-back')), { ok: true });
  t.equal(await hung, 'NS_ATA_ABORTED');
  await chain.run(millis(1000));
  t.equal(chain.hba.disk?.sectors, 10);
});

await t.test('what the controller wrote is flushed before a disable hides it', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  const head = chain.units[0]!;
  await chain.settle(head.order('own'));
  await head.bmc.write(0, sector(1), false);
  let flushes = 0;
  chain.images[0]!.flush = async () => {
    flushes += 1;
  };
  t.match(await chain.settle(head.order('disable')), { ok: true });
  t.equal(flushes, 1);
  t.equal(head.state.t.state, 'T7');
});

await t.test('orders that do not fit the moment are refused with a reason', async (t) => {
  const chain = unitChain([10, 20]);
  await chain.powerOn();
  const head = chain.units[0]!;
  t.match(await head.order('hand-back'), { ok: false, refusal: { code: 'CHAIN_BUSY', sentence: /T4/ } });
  t.match(await head.order('go-degraded'), { ok: false, refusal: { code: 'CHAIN_WHOLE' } });
  chain.units[1]!.attach('ddi', undefined);
  await chain.run(millis(40_000));
  t.match(
    await head.order('go-degraded'),
    { ok: false, refusal: { sentence: /further down/ } },
    'the gap is one unit below',
  );
  t.match(await chain.settle(chain.units[1]!.order('go-degraded')), { ok: true });
  await chain.run(millis(5000));
  t.equal(chain.hba.disk?.sectors, 10, 'the operator agreed to less');
  t.equal(chain.hba.disk?.chain?.degraded, true);
});

await t.test('a blank unit is enrolled once', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  const head = chain.units[0]!;
  t.match(await chain.settle(head.enrol('00000000000000aa')), { ok: true });
  t.match(await head.enrol('00000000000000bb'), { ok: false });
  t.equal(chain.memories[0]!.record?.chain, '00000000000000aa');
});

await t.test('a device that refuses to say who it is for a moment is asked again', async (t) => {
  const chain = unitChain([10]);
  const block = new BlockDrive(chain.images[0]!, { serial: 'BUSY' });
  const identify = () => Promise.resolve(block.identity);
  let refusals = 3;
  block.identify = () => {
    refusals -= 1;
    return refusals >= 0 ? Promise.reject(new AtaFault('ABORTED', 'not now')) : identify();
  };
  const drive = new DrivePlug(chain.wheel, block);
  drive.powerOn();
  chain.units[0]!.attach('ddi', drive);
  await chain.powerOn();
  t.equal(chain.units[0]!.state.t.local.is, 'asked');
  await chain.run(millis(4000));
  t.equal(chain.hba.disk?.sectors, 10);
});

await t.test('power that goes while the memory is read stays off', async (t) => {
  const chain = unitChain([10]);
  const on = chain.units[0]!.powerOn();
  chain.units[0]!.powerOff();
  await on;
  t.equal(chain.units[0]!.state.power, false);
});

await t.test('SError keeps what happened until it is cleared', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  const head = chain.units[0]!;
  const before = head.registers().ddi.serror;
  t.not(before, 0);
  head.writeSerror('ddi', before);
  t.equal(head.registers().ddi.serror, 0);
});

await t.test('below mirrors a lost member keeps its place and only its own blocks fail', async (t) => {
  const chain = unitChain([10, 20, 30]);
  const disks: (number | undefined)[] = [];
  chain.hba.onDisk((disk) => disks.push(disk?.sectors));
  await chain.powerOn();
  for (const unit of chain.units) await chain.settle(unit.keepPlaces(true));
  await chain.hba.target.write(30, sector(9), false);
  chain.units[1]!.attach('ddi', undefined);
  await chain.run(millis(2000));
  t.same(disks, [60], 'the host is not told');
  await t.rejects(chain.hba.target.read(12, sector(0)), { code: 'NS_ATA_LINK' });
  const back = new Uint8Array(512);
  await chain.hba.target.read(30, back);
  t.same(back, sector(9), 'what is behind stays where it was');
  chain.units[1]!.attach('pto', undefined);
  await chain.run(millis(2000));
  await t.rejects(chain.hba.target.read(30, sector(0)), { code: 'NS_ATA_LINK' });
  await chain.hba.target.read(0, back);
  chain.hba.reset();
  chain.hba.reset();
  await chain.run(millis(2000));
  t.equal(chain.hba.disk?.sectors, 60, 'also after the resets of a host that is worried');
  chain.units[1]!.attach('pto', chain.units[2]!.pti);
  chain.units[1]!.attach('ddi', chain.drives[1]);
  await chain.run(millis(2000));
  await chain.hba.target.read(12, back);
  await chain.hba.target.read(30, back);
  t.same(back, sector(9));
});

await t.test(
  'below mirrors a start with a member missing waits half a minute, then shows the whole with a hole',
  async (t) => {
    const chain = unitChain([10, 20]);
    await chain.powerOn();
    for (const unit of chain.units) await chain.settle(unit.keepPlaces(true));
    const head = chain.units[0]!;
    head.powerOff();
    head.attach('ddi', undefined);
    await chain.run(millis(1000));
    await head.powerOn();
    await chain.run(millis(20_000));
    t.equal(chain.hba.disk, undefined);
    await chain.run(millis(20_000));
    t.equal(chain.hba.disk?.sectors, 30);
    t.same(head.state.t.record.membership?.local?.serial, 'DRIVE0', 'it is not forgotten');
    await t.rejects(chain.hba.target.read(0, sector(0)), { code: 'NS_ATA_LINK' });
    await chain.hba.target.read(10, sector(0));
  },
);

await t.test('below mirrors another drive in the place of a lost one is not let in', async (t) => {
  const chain = unitChain([10, 20]);
  await chain.powerOn();
  for (const unit of chain.units) await chain.settle(unit.keepPlaces(true));
  chain.units[0]!.attach('ddi', undefined);
  await chain.run(millis(1000));
  chain.units[0]!.attach('ddi', chain.drives[1]);
  await chain.run(millis(1000));
  t.equal(chain.units[0]!.state.t.local.is, 'refused');
  await t.rejects(chain.hba.target.read(0, sector(0)), { code: 'NS_ATA_LINK' });
});
