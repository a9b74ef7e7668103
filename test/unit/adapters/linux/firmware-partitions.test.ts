import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openPartitions } from '../../../../src/adapters/linux/firmware-partitions.ts';

const home = await mkdtemp(join(tmpdir(), 'nightshift-partitions-'));
t.teardown(() => rm(home, { recursive: true }));

/** A machine whose own eMMC and a host's disk have a partition of the same name. */
async function machine(root: string) {
  const dir = await mkdtemp(join(home, 'machine-'));
  const [sys, dev] = [join(dir, 'class/block'), join(dir, 'dev')];
  await mkdir(sys, { recursive: true });
  await mkdir(dev);
  const disks = [
    ['mmcblk0', 'mmcblk0p4', '179:4', 8],
    ['sda', 'sda1', '8:1', 16],
  ] as const;
  for (const [disk, device, number, sectors] of disks) {
    const place = join(dir, 'devices', disk, device);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'uevent'), 'DEVTYPE=partition\nPARTNAME=rofs-a\n');
    await writeFile(join(place, 'size'), `${sectors}\n`);
    await writeFile(join(place, 'dev'), `${number}\n`);
    await symlink(place, join(sys, device));
    await writeFile(join(dev, device), new Uint8Array(sectors * 512));
  }
  const mounts = join(dir, 'mountinfo');
  await writeFile(
    mounts,
    `1 1 0:2 / / rw - rootfs rootfs rw\n26 1 ${root} / / ro,relatime - squashfs /dev/x ro\n30 26 8:1 / /mnt rw - ext4 /dev/sda1 rw\n`,
  );
  return openPartitions({ eraseSize: 512 }, { sys, dev, mounts });
}

await t.test("a host's disk with partitions of our names is not taken for our own", async (t) => {
  const own = await (await machine('179:4'))('rofs-a');
  t.teardown(() => own.close());
  t.equal(own.size, 8 * 512);
});

await t.test('where the root is on neither, nobody guesses', async (t) => {
  await t.rejects((await machine('0:22'))('rofs-a'), {
    code: 'NS_FLASH',
    message: /2 partitions are called/,
  });
});
