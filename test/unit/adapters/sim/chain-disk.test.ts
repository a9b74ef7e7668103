import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { askControlSocket } from '../../../../src/adapters/control-socket.ts';
import { SimChainDisk } from '../../../../src/adapters/sim/chain-disk.ts';
import { parseSimConfig, SimMachine } from '../../../../src/adapters/sim/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { openBoard } from '../../../../src/programs/agent/board-parts.ts';
import { driveSwitchContract } from '../../../contract/drive-switch.ts';
import { scratch } from '../../../kit/disk-tools.ts';
import { eventually } from '../../../kit/eventually.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

const never = new AbortController().signal;
const SECTORS = 256;

/** A machine whose disk is a chain of so many drives in memory. */
async function machine(members: number) {
  const sim = new SimMachine({
    chainDisk: (options) => new SimChainDisk(options),
    config: parseSimConfig({
      disks: [{ members: Array.from({ length: members }, (_, i) => ({ image: `m${i}` })) }],
    }),
    clock: systemClock,
    channels: [],
    handBackMs: 2000,
    openImage: async ({ name }) => new MemoryDevice(name, SECTORS * 512),
  });
  await sim.start();
  t.teardown(() => sim.close());
  return sim;
}

await driveSwitchContract('a disk of the simulated machine that is a chain', async () => {
  const sim = await machine(2);
  const [drive] = sim.chains;
  await eventually(() => drive!.chain.head.state.t.state === 'T3');
  return { drive: drive!, run: (movement) => movement, now: () => performance.now() };
});

await t.test('the host has its disk while it is on, and a sector of a member can go bad', async (t) => {
  const sim = await machine(3);
  const { hba } = sim.chains[0]!.chain;
  t.equal(hba.disk, undefined);
  sim.host.set('S0');
  await eventually(() => hba.disk !== undefined);
  t.equal(hba.disk?.sectors, 3 * SECTORS);
  sim.addBadSector('disk0.1', 5);
  await t.rejects(hba.target.read(SECTORS + 5, new Uint8Array(512)), {
    code: 'NS_ATA_MEDIUM',
    lba: SECTORS + 5,
  });
  sim.host.set('S5');
  t.equal(hba.disk, undefined);
});

const IN_ORDER = [{ image: 'a.img' }, { image: 'b.img', serial: 'B-1' }];

async function board(dir: string, store: MemoryState, members: readonly object[] = IN_ORDER) {
  return openBoard('sim-host', {
    clock: systemClock,
    store,
    log: { log: () => undefined },
    base: dir,
    sim: {
      disks: [{ members }],
      control: 'host.sock',
    },
  });
}

await t.test("lock and membership are in the agent's storage, and outlive its process", async (t) => {
  const { dir, remove } = await scratch();
  t.teardown(remove);
  for (const name of ['a.img', 'b.img']) await writeFile(join(dir, name), new Uint8Array(SECTORS * 512));
  const store = new MemoryState();
  const first = await board(dir, store);
  const report = await first.chains![0]!.status(never);
  await first.switches[0]!.hold();
  await first.close();

  const second = await board(dir, store);
  t.equal(await second.switches[0]!.position(), 'held');
  const again = await second.chains![0]!.status(never);
  t.equal(again.chain, report.chain);
  t.same(
    again.units.map(({ unit }) => unit),
    report.units.map(({ unit }) => unit),
  );
  await second.switches[0]!.giveBack();
  t.equal(await second.switches[0]!.position(), 'host');
  await second.close();
});

await t.test(
  'drives that changed places while the power was off are told apart, and nothing is shown',
  async (t) => {
    const { dir, remove } = await scratch();
    t.teardown(remove);
    for (const name of ['a.img', 'b.img']) await writeFile(join(dir, name), new Uint8Array(SECTORS * 512));
    const store = new MemoryState();
    const first = await board(dir, store);
    await eventually(async () => (await first.chains![0]!.status(never)).state === 'T3');
    await first.close();
    const second = await board(dir, store, IN_ORDER.toReversed());
    t.teardown(() => second.close());
    const [control] = second.chains!;
    await eventually(async () => (await control!.status(never)).state === 'T6', 20_000);
    const report = await control!.status(never);
    t.equal(report.presentedSectors, 0);
    t.match(
      report.trouble.map(({ code }) => code),
      ['other-drive', 'other-drive'],
    );
    t.match(report.trouble[1]?.sentence, /place 1: .*another one than before.* serial B-1, 256 sectors/);
    await t.rejects(second.switches[0]!.take(never), {
      code: 'NS_CHAIN_HELD',
      message: /another one than before/,
    });
  },
);

await t.test('knobs pull, plug and kill drives and cut the power of a chain', async (t) => {
  const { dir, remove } = await scratch();
  t.teardown(remove);
  for (const name of ['a.img', 'b.img']) await writeFile(join(dir, name), new Uint8Array(SECTORS * 512));
  const opened = await board(dir, new MemoryState());
  t.teardown(() => opened.close());
  const knob = (chain: object) => askControlSocket(join(dir, 'host.sock'), { chain }, 5000);
  const [control] = opened.chains!;
  const states = async () => (await control!.status(never)).units.map(({ state }) => state);
  await eventually(async () => (await states()).join() === 'T3,T4');
  t.match((await control!.status(never)).units[1]?.drive, { serial: 'B-1', model: 'SIM DISK' });

  await knob({ pull: 1, disk: 'disk0' });
  await eventually(async () => (await control!.status(never)).held);
  await knob({ plug: 1, disk: 'disk0' });
  await eventually(async () => (await states()).join() === 'T3,T4');

  const device = await opened.switches[0]!.take(never);
  await knob({ kill: 1, disk: 'disk0' });
  await t.rejects(device.read(SECTORS * 512, new Uint8Array(512)), { code: 'NS_BLOCK_IO' });
  await device.read(0, new Uint8Array(512));
  await knob({ revive: 1, disk: 'disk0' });
  await device.read(SECTORS * 512, new Uint8Array(512));
  await knob({ cutPower: true, disk: 'disk0' });
  await t.rejects(device.read(0, new Uint8Array(512)), { code: 'NS_BLOCK_IO' }, 'nobody owns it any more');
  await eventually(async () => (await states()).join() === 'T3,T4');

  await t.rejects(knob({ pull: 9, disk: 'disk0' }), { message: /no such member/ });
  await t.rejects(knob({ kill: 9, disk: 'disk0' }), { message: /no member 9/ });
  await t.rejects(knob({ pull: 0, disk: 'disk7' }), { message: /no chain/ });
  await t.rejects(knob({ paint: 0, disk: 'disk0' }), { code: 'NS_CONTROL_REFUSED' });
});

await t.test('a disk is an image or has members, and members are different drives', async (t) => {
  const code = (disk: object) => {
    try {
      parseSimConfig({ disks: [disk] });
      return 'taken';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  t.equal(code({ members: [{ image: 'a' }] }), 'taken');
  for (const wrong of [
    {},
    { image: 'a', members: [{ image: 'b' }] },
    { members: [] },
    { members: [{ image: 'a' }, { image: 'a' }] },
    { members: [{ image: 'a', serial: 'much too long a serial number' }] },
  ])
    t.equal(code(wrong), 'NS_CONFIG_INVALID', JSON.stringify(wrong));
});
