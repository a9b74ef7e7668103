import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { systemScheduler } from '../../src/adapters/system-scheduler.ts';
import { loadingBootSector, sayingBootSector } from '../kit/boot-sector.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { met, openHost, startQemuMachine } from '../kit/qemu-host.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const never = new AbortController().signal;
const SECTOR = 512;
/** Sectors of each member; odd, so that no border is where a guess would put it. */
const MEMBERS = [2047, 5, 1777] as const;
const TOTAL = MEMBERS.reduce((sum, sectors) => sum + sectors, 0);
let count = 0;

async function bench(t: Test) {
  count += 1;
  const directory = join(dir, `host${count}`);
  const members = MEMBERS.map((sectors, i) => ({ image: join(dir, `member${count}-${i}.img`), sectors }));
  for (const { image, sectors } of members) await writeFile(image, new Uint8Array(sectors * SECTOR));
  const socket = join(dir, `chain${count}.sock`);
  const words = join(dir, `words${count}`);
  const state = new MemoryState();
  const beside = async () => {
    const host = await openHost(
      directory,
      { disks: [{ name: 'disk0', members: members.map(({ image }) => ({ image })), socket }] },
      { chain: { scheduler: systemScheduler(), entropy: systemEntropy, state } },
    );
    t.teardown(() => host.close());
    return host;
  };
  const host = await beside();
  const [drive] = host.switches;
  await eventually(async () => (await drive!.position()) === 'host');
  const says = [
    '-chardev',
    `file,id=words,path=${words}`,
    '-device',
    'isa-debugcon,iobase=0xe9,chardev=words',
  ];
  const qemu = await startQemuMachine({ directory, chains: [socket], args: ['--', ...says] });
  t.teardown(() => qemu.stop());
  const stranger = await qemu.people();
  t.teardown(() => stranger.close());
  await met(host);
  return {
    host,
    beside,
    drive: drive!,
    stranger,
    members,
    says: async (by: () => Promise<unknown>, word: string) => {
      await writeFile(words, '');
      await by();
      await eventually(async () => (await readFile(words, 'utf8')).endsWith(word));
    },
  };
}

await t.test(
  'what is written on the chain beside a sleeping host is what it boots, across members',
  async (t) => {
    const { host, drive, says, members } = await bench(t);
    const lba = MEMBERS[0] - 1;
    const disk = await drive.take(never);
    t.equal(await drive.position(), 'ours');
    t.equal(disk.capabilities.size, TOTAL * SECTOR);
    await disk.write(0, loadingBootSector({ lba, sectors: 7, textAt: SECTOR - 4 }));
    await disk.write(lba * SECTOR + SECTOR - 4, Buffer.from('over the border\0'));
    await disk.flush();
    const began = performance.now();
    await drive.giveBack();
    t.comment(`figure: the chain handed back in ${(performance.now() - began).toFixed(1)} ms`);
    t.equal(await drive.position(), 'host');
    await t.rejects(disk.read(0, new Uint8Array(SECTOR)), { code: /^NS_BLOCK_/ });
    await says(() => host.control.drive('on', never), 'over the border');
    t.equal((await readFile(members[1]!.image)).subarray(0, 11).toString(), ' the border');
  },
);

await t.test('a chain that is held gives the host no byte, and comes back', async (t) => {
  const { host, drive, stranger, says } = await bench(t);
  const disk = await drive.take(never);
  await disk.write(0, sayingBootSector('up'));
  await disk.flush();
  await drive.hold();
  t.equal(await drive.position(), 'held');
  await host.control.drive('on', never);
  t.match((await stranger.event('BLOCK_IO_ERROR')).data, { 'node-name': 'disk0', operation: 'read' });
  await host.control.drive('off', never);
  await drive.giveBack();
  t.equal(await drive.position(), 'host');
  await says(() => host.control.drive('on', never), 'up');
  t.equal(host.chains.length, 1);
});

await t.test('an agent that is started anew finds its chain, and the host finds it again', async (t) => {
  const { host, drive, beside, says } = await bench(t);
  const disk = await drive.take(never);
  await disk.write(0, sayingBootSector('up'));
  await disk.flush();
  await host.close();
  const next = await beside();
  await met(next);
  const again = next.switches[0]!;
  await again.giveBack();
  await eventually(async () => (await again.position()) === 'host');
  await says(() => next.control.drive('on', never), 'up');
  await next.control.drive('off', never);
  await next.close();
  const third = await beside();
  await met(third);
  await third.switches[0]!.giveBack();
  t.equal(await third.switches[0]!.position(), 'host');
  await says(() => third.control.drive('on', never), 'up');
});
