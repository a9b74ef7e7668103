import t from 'tap';
import { millis } from '../../../../src/sata-chain/index.ts';
import { type UnitChain, unitChain } from '../../../kit/unit-chain.ts';

const sector = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);

/** From now on the first write to this drive lands only when it is let. */
function holdFirstWrite(chain: UnitChain, drive: number): () => void {
  const image = chain.images[drive]!;
  const write = image.write.bind(image);
  let land = (): void => {};
  const held = new Promise<void>((resolve) => {
    land = resolve;
  });
  let first = true;
  image.write = async (offset, data, signal) => {
    if (first) {
      first = false;
      await held;
    }
    await write(offset, data, signal);
  };
  return land;
}

for (const drive of [0, 1]) {
  const lba = drive * 10;

  await t.test(`drive ${drive}: a write that a reset left behind never lands on a newer one`, async (t) => {
    const chain = unitChain([10, 10]);
    await chain.powerOn();
    const land = holdFirstWrite(chain, drive);
    const old = chain.hba.target.write(lba, sector(1), false);
    chain.hba.reset();
    await t.rejects(old, { code: 'NS_ATA_ABORTED' });
    await chain.run(millis(3000));
    t.equal(chain.hba.disk, undefined, 'not ready while the old write is under way');
    land();
    await chain.run(millis(3000));
    t.equal(chain.hba.disk?.sectors, 20);
    await chain.hba.target.write(lba, sector(2), true);
    t.equal(chain.images[drive]!.bytes[0], 2);
  });

  await t.test(`drive ${drive}: the controller's first command waits for the host's last`, async (t) => {
    const chain = unitChain([10, 10]);
    await chain.powerOn();
    const head = chain.units[0]!;
    const land = holdFirstWrite(chain, drive);
    const old = chain.hba.target.write(lba, sector(1), false);
    t.match(await chain.settle(head.order('own')), { ok: true });
    await t.rejects(old, { code: 'NS_ATA_ABORTED' });
    let done = false;
    const own = head.bmc.write(lba, sector(2), true).then(() => {
      done = true;
    });
    await chain.run(millis(1000));
    t.notOk(done);
    land();
    await chain.settle(own);
    t.equal(chain.images[drive]!.bytes[0], 2);
  });

  await t.test(
    `drive ${drive}: after a hand-back in time the host waits for the controller's last`,
    async (t) => {
      const chain = unitChain([10, 10]);
      await chain.powerOn();
      const head = chain.units[0]!;
      t.match(await chain.settle(head.order('own')), { ok: true });
      const land = holdFirstWrite(chain, drive);
      const old = head.bmc.write(lba, sector(1), false);
      const back = head.order('hand-back');
      await t.rejects(
        chain.settle(old),
        { code: 'NS_ATA_ABORTED' },
        'a drive that hangs does not hold the host up',
      );
      t.match(await chain.settle(back), { ok: true });
      await chain.run(millis(3000));
      t.equal(chain.hba.disk, undefined, 'the link is up, and the drive is busy');
      land();
      await chain.run(millis(40_000));
      t.equal(chain.hba.disk?.sectors, 20);
      await chain.hba.target.write(lba, sector(2), true);
      t.equal(chain.images[drive]!.bytes[0], 2);
    },
  );
}

/** Saves wait until they are let. */
function holdSaves(chain: UnitChain): () => void {
  const memory = chain.memories[0]!;
  const save = memory.save.bind(memory);
  let go = (): void => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  memory.save = async (record) => {
    await held;
    await save(record);
  };
  return go;
}

await t.test('a disable overtakes an enable that is being written down', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  const head = chain.units[0]!;
  t.match(await chain.settle(head.order('disable')), { ok: true });
  const go = holdSaves(chain);
  const enable = head.order('enable');
  const disable = head.order('disable');
  t.match(await enable, { ok: false, refusal: { code: 'CHAIN_BUSY' } });
  go();
  t.match(await chain.settle(disable), { ok: true });
  await chain.run(millis(3000));
  t.equal(head.state.t.state, 'T7');
  t.equal(chain.memories[0]!.record?.locked, true);
  t.equal(chain.hba.disk, undefined);
});

await t.test('an enable is refused while a disable is being written down', async (t) => {
  const chain = unitChain([10]);
  await chain.powerOn();
  const head = chain.units[0]!;
  const go = holdSaves(chain);
  const disable = head.order('disable');
  t.match(await head.order('enable'), { ok: false, refusal: { code: 'CHAIN_BUSY' } });
  go();
  t.match(await chain.settle(disable), { ok: true });
  t.equal(head.state.t.state, 'T7');
});
