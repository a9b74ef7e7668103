import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import { BoardSite } from '../kit/board-site.ts';
import { makeExt4, run } from '../kit/disk-tools.ts';
import {
  EmulatedBoard,
  packFirmware,
  putAtConsole,
  residentMemory,
  virtMachine,
} from '../kit/emulated-board.ts';

t.setTimeout(600_000);

const site = await BoardSite.open({ stagingMiB: 64, timeout: '120s' });
t.teardown(() => site.close());
await putAtConsole(site.factory);
const firmware = join(site.home, 'firmware');
const used = await packFirmware('qemu-virt', firmware, ['--compression', 'lz4', '--factory', site.factory]);

const content = Buffer.from('A file on the disk of a host that is switched off.\n'.repeat(2000));
const tree = join(site.home, 'tree');
await mkdir(join(tree, 'etc'), { recursive: true });
await writeFile(join(tree, 'etc/motd'), content);
const drive = join(site.home, 'host.img');
await makeExt4({ path: drive, size: 16 * MiB, content: tree });
const before = await readFile(drive);

const began = performance.now();
const board = new EmulatedBoard(virtMachine(firmware, drive));
t.teardown(() => board.pull());

await t.test('the packed image boots, makes its key, and shows how it is enrolled', async (t) => {
  t.equal(await board.hears(/nightshift-boot: starting slot (\w+)/), 'a');
  await site.enrol(await board.hears(/^(board1: ed25519:\S+)$/m));
  await board.hears(/device\.started/);
  t.comment(`figure: power-on to the agent's start ${Math.round((performance.now() - began) / 1000)} s`);
});

await t.test('it answers by MQTT, reads its lines and the file of a host that is off', async (t) => {
  const status = await site.order('status', 'board1');
  const firstOrder = Math.round((performance.now() - began) / 1000);
  t.match(status.stdout, /board qemu-virt/, status.stderr);
  t.match(status.stdout, /power now: S5 \(ps-pwrok low, sio-s5 asserted\)/);
  const memory = (await residentMemory(board)).toFixed(0);
  t.comment(
    `figure: | qemu-virt | emulated | ${used.toFixed(1)} MiB by lz4 | ${firstOrder} s | ${memory} MiB |`,
  );
  const door = await site.order('io', 'read', 'board1', 'door');
  t.equal(door.code, 0, door.stdout + door.stderr);
  const got = await site.order('get', 'board1', '/etc/motd');
  t.equal(got.code, 0, got.stdout + got.stderr);
  t.ok((await readFile(join(site.home, 'motd'))).equals(content));
  t.ok((await readFile(drive)).equals(before), 'nothing was written to the disk');
});

await t.test(
  "its own tools, confined, put a file on that host's disk, which is whole afterwards",
  async (t) => {
    const file = join(site.home, 'issue');
    await writeFile(file, content);
    const put = await site.order('put', file, 'board1', '/etc/issue');
    t.equal(put.code, 0, put.stdout + put.stderr);
    t.match(board.said, /tools\.confinement wanted=best missing=nothing/);
    t.notMatch(board.said, /tools\.unusable/);
    await board.pull();
    await run('e2fsck', ['-f', '-n', drive]);
    t.equal(await run('debugfs', ['-R', 'cat /etc/issue', drive]), content.toString());
    t.equal(await run('debugfs', ['-R', 'cat /etc/motd', drive]), content.toString());
  },
);

await t.test(
  'where no slot can be read it says so, waits a while for somebody, and starts again',
  async (t) => {
    const layout = JSON.parse(await readFile('flash/layouts/emmc-ab.json', 'utf8')) as {
      readonly partitions: readonly { readonly name: string; readonly offset: number }[];
    };
    const slot = layout.partitions.find(({ name }) => name === 'rofs-a');
    const medium = await open(join(firmware, 'qemu-virt.img'), 'r+');
    await medium.write(new Uint8Array(4096), 0, 4096, slot?.offset ?? 0);
    await medium.close();
    const [program, ...args] = virtMachine(firmware, drive);
    const waiting = args.map((arg) => (arg.startsWith('console=') ? `${arg} RECOVERY_SECONDS=2` : arg));
    const broken = new EmulatedBoard([program, ...waiting]);
    t.teardown(() => broken.pull());
    await broken.hears(/recovery: no slot can be started/);
    await broken.hears(/Press Enter within 2 s/);
    t.equal(await broken.ended, 0, 'it restarts by itself');
  },
);
