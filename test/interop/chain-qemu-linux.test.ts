import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import { boundedDevice, openExt4, readPartitionTable } from '../../src/storage/index.ts';
import { exportChain } from '../kit/chain-export.ts';
import { buildChainProgram } from '../kit/chain-program.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { makeDisk } from '../kit/disk-image.ts';
import { hashOf, scratch, sha256 } from '../kit/disk-tools.ts';
import { memberPaths } from '../kit/member-images.ts';
import { ahciDrive } from '../kit/qemu.ts';
import { startLinux } from '../kit/qemu-linux.ts';

const { dir, remove } = await scratch();
t.teardown(remove);

const SECTOR = 512;
/** MiB of the volume, and of the file that is to lie on every member. */
const VOLUME = 64;
const BIG = 40;
const LINE = 'nightshift was here, and so was the guest\n';
/** Sectors; the volume crosses both borders, and neither is the border of a page or of a block. */
const MEMBERS = [30_001, 50_007, (VOLUME + 2) * 2048 - 80_008];

const image = await makeDisk(dir, {
  size: VOLUME,
  fill: (tree) => writeFile(join(tree, 'before'), 'written before the guest came\n'),
});
const chain = await exportChain(await buildChainProgram(dir), dir, MEMBERS, await readFile(image.path));
t.teardown(() => chain.close());
const hash = sha256(Buffer.alloc(BIG * MiB, LINE));

await t.test('a Linux guest reads, mounts and writes the chain as its disk', async (t) => {
  const directory = join(dir, 'host');
  await mkdir(directory);
  const began = performance.now();
  const guest = await startLinux({
    directory,
    args: ahciDrive(chain),
    script: `
fdisk -l /dev/sda
echo "sectors: $(cat /sys/block/sda/size)"
echo "partition: $(cat /sys/block/sda/sda1/start) $(cat /sys/block/sda/sda1/size)"
mount -t ext4 /dev/sda1 /mnt && echo mounted
cat /mnt/before
mkdir /mnt/from-the-guest
uname -r >/mnt/from-the-guest/release
yes '${LINE.trim()}' | head -c $((${BIG} << 20)) >/mnt/from-the-guest/big
sync
echo 3 >/proc/sys/vm/drop_caches
sha256sum /mnt/from-the-guest/big
umount /mnt && echo unmounted
dmesg | grep -c -E 'I/O error|exception Emask' | sed 's/^/errors: /'
`,
  });
  t.teardown(() => guest.stop());
  await guest.hear(/GPT|gpt/);
  t.equal((await guest.hear(/^sectors: (\d+)/))[1], `${(VOLUME + 2) * 2048}`, 'all members together');
  t.same((await guest.hear(/^partition: (\d+) (\d+)/)).slice(1), ['2048', `${VOLUME * 2048}`]);
  await guest.hear(/^mounted/);
  await guest.hear(/^written before the guest came/);
  t.equal((await guest.hear(/^([0-9a-f]{64}) /))[1], hash, 'the guest reads back what it wrote');
  await guest.hear(/^unmounted/);
  t.equal((await guest.hear(/^errors: (\d+)/))[1], '0');
  t.equal(await guest.ended, 0);
  const took = Math.round(performance.now() - began);
  t.comment(`figure: guest from power on to power off, ${BIG} MiB written and read, ${took} ms`);
  for (const [i, member] of chain.members.entries()) {
    t.ok((await readFile(member)).includes(LINE), `its file lies on member ${i} too`);
  }
});

await t.test('after it is off the file is read over the export, and the volume is whole', async (t) => {
  const disk = await chain.disk();
  const partition = (await readPartitionTable(disk)).partitions[0]!;
  const volume = await openExt4(boundedDevice(disk, partition.start, partition.length, 'disk0p1'));
  const big = await volume.open('/from-the-guest/big');
  if (!big.ok) throw new Error(big.refusal.sentence);
  t.equal(big.value.stat.size, BIG * MiB);
  t.equal(await hashOf(big.value), hash);
  const whole = new Uint8Array(disk.capabilities.size);
  await disk.read(0, whole);
  await disk.close();
  await writeFile(image.path, whole);
  t.equal(await image.faults(), '', 'e2fsck has nothing to say');
});

await t.test('and the agent beside the sleeping host gets it from the same drives', async (t) => {
  await chain.close();
  const host = await ColdHost.start({
    size: VOLUME,
    members: MEMBERS.slice(0, -1).map((sectors) => sectors * SECTOR),
  });
  t.teardown(() => host.close());
  await host.stop();
  const bays = memberPaths(host.disk.path, MEMBERS.length);
  for (const [i, path] of chain.members.entries()) await copyFile(path, bays[i]!);
  await host.boot();
  const release = await host.get('/from-the-guest/release');
  t.match(Buffer.from(release.sink.finished ?? '').toString(), /^[6-9]\.\d+\./);
  const big = await host.get('/from-the-guest/big');
  t.equal(big.outcome, 'succeeded');
  t.equal(sha256(big.sink.finished ?? new Uint8Array(0)), hash);
});
