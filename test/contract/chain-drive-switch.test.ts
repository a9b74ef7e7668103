import t from 'tap';
import { milliseconds } from '../../src/base/index.ts';
import { ChainDriveSwitch, millis } from '../../src/sata-chain/index.ts';
import { unitChain } from '../kit/unit-chain.ts';
import { driveSwitchContract } from './drive-switch.ts';

const never = new AbortController().signal;

async function bench(sectors: readonly number[]) {
  const chain = unitChain(sectors);
  await chain.powerOn();
  const drive = new ChainDriveSwitch({
    disk: 'disk0',
    head: chain.units[0]!,
    handBack: milliseconds(2000),
    ownPower: true,
  });
  return { chain, drive };
}

for (const count of [1, 3]) {
  await driveSwitchContract(`the head of a chain of ${count}`, async () => {
    const { chain, drive } = await bench(Array.from({ length: count }, () => 1000));
    return {
      drive,
      run: (movement) => chain.settle(movement),
      now: () => chain.wheel.now() / 1_000_000,
    };
  });
}

await t.test(
  'what the controller wrote over member borders is on the drives, and the host sees its disk again',
  async (t) => {
    const { chain, drive } = await bench([1000, 2000]);
    t.equal(chain.hba.disk?.sectors, 3000);
    const device = await chain.settle(drive.take(never));
    t.equal(chain.hba.disk, undefined, 'while it is ours, the host has none');
    t.equal(device.capabilities.size, 3000 * 512);
    await chain.settle(device.write(999 * 512, new Uint8Array(1024).fill(7)));
    await chain.settle(drive.giveBack());
    await chain.run(millis(1000));
    t.equal(chain.hba.disk?.sectors, 3000);
    const read = new Uint8Array(1024);
    await chain.settle(chain.hba.target.read(999, read));
    t.ok(read.every((byte) => byte === 7));
  },
);

await t.test('a held chain is silent to the host, whatever it does, also after a power pull', async (t) => {
  const { chain, drive } = await bench([1000, 1000]);
  await chain.settle(drive.hold());
  const silent = async (when: string) => {
    for (let i = 0; i < 3; i += 1) {
      chain.hba.reset();
      await chain.run(millis(300));
    }
    t.equal(chain.hba.disk, undefined, when);
    t.equal(await drive.position(), 'held', when);
  };
  await silent('reset again and again');
  chain.hba.powerOff();
  chain.hba.powerOn();
  await silent('switched off and on');
  for (const unit of chain.units) unit.powerOff();
  for (const plug of chain.drives) plug.powerOff();
  await chain.run(millis(100));
  t.equal(await drive.position(), 'unknown', 'without power');
  await chain.powerOn();
  await silent('after all power was pulled');
  await chain.settle(drive.giveBack());
  await chain.run(millis(3000));
  t.equal(chain.hba.disk?.sectors, 2000, 'given back by an order alone');
});

await t.test('a chain whose member is missing is not taken, and says why', async (t) => {
  const { chain, drive } = await bench([1000, 1000]);
  chain.units[0]!.attach('pto', undefined);
  await chain.run(millis(5000));
  await t.rejects(chain.settle(drive.take(never)), { code: 'NS_CHAIN_HELD', message: /missing/ });
  t.equal(await drive.position(), 'host');
});

await t.test('a chain that is still looking for its members is waited for', async (t) => {
  const { chain, drive } = await bench([1000, 1000]);
  chain.hba.powerOff();
  for (const unit of chain.units) unit.powerOff();
  for (const unit of chain.units) await unit.powerOn();
  const device = await chain.settle(drive.take(never));
  t.equal(device.capabilities.size, 2000 * 512);
});
