import { writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openImage } from '../../../../src/adapters/linux/firmware-image.ts';
import { openMtd } from '../../../../src/adapters/linux/firmware-mtd.ts';
import { openPartitions } from '../../../../src/adapters/linux/firmware-partitions.ts';
import { openFirmwareSlots } from '../../../../src/adapters/linux/firmware-slots.ts';
import { withinRange } from '../../../../src/firmware/index.ts';
import { flashRangeContract } from '../../../contract/flash-range.ts';
import { smallLayout } from '../../../kit/flash-bench.ts';

const home = await mkdtemp(join(tmpdir(), 'nightshift-media-'));
t.teardown(() => rm(home, { recursive: true }));
const nor = smallLayout('nor', 64 * 1024);
const emmc = smallLayout('emmc', 64 * 1024);
const MEMERASE = 0x40084d02;

/** The kernel's flash: /proc/mtd, and its character devices, as files; erases are done to these. */
async function mtd(change: { readonly erase?: number; readonly eraseSize?: number } = {}) {
  const dir = await mkdtemp(join(home, 'mtd-'));
  const eraseSize = (change.eraseSize ?? 4096).toString(16).padStart(8, '0');
  const lines = nor.partitions.map(
    ({ name, size }, n) => `mtd${n}: ${size.toString(16).padStart(8, '0')} ${eraseSize} "${name}"`,
  );
  await writeFile(join(dir, 'proc'), ['dev:    size   erasesize  name', ...lines, ''].join('\n'));
  for (const [n, { size }] of nor.partitions.entries())
    await writeFile(join(dir, `mtd${n}`), new Uint8Array(size));
  const libc = {
    ioctlAside: async (fd: number, code: number, argument: Buffer) => {
      if (change.erase !== undefined || code !== MEMERASE) return change.erase ?? 25;
      const [start, length] = [argument.readUInt32LE(0), argument.readUInt32LE(4)];
      writeSync(fd, new Uint8Array(length).fill(0xff), 0, length, start);
      return 0;
    },
  };
  return openMtd(nor, { proc: join(dir, 'proc'), dev: dir }, libc);
}

/** The kernel's block devices, as files, with the names that their partition table gives them. */
async function blocks(names: readonly string[]) {
  const dir = await mkdtemp(join(home, 'block-'));
  for (const [n, name] of names.entries()) {
    const device = join(dir, 'sys', `mmcblk0p${n}`);
    await mkdir(device, { recursive: true });
    await writeFile(join(device, 'uevent'), `MAJOR=179\nDEVNAME=mmcblk0p${n}\nPARTNAME=${name}\n`);
    await writeFile(join(device, 'size'), '128\n');
    await writeFile(join(dir, `mmcblk0p${n}`), new Uint8Array(64 * 1024));
  }
  return openPartitions(emmc, { sys: join(dir, 'sys'), dev: dir });
}

async function image(layout: typeof nor) {
  const path = join(await mkdtemp(join(home, 'image-')), 'flash.img');
  await writeFile(path, new Uint8Array(layout.size));
  return openImage(path, layout);
}

await flashRangeContract('NOR by its character devices', async (t) => {
  const range = await (await mtd())('app-a');
  t.teardown(() => range.close());
  return range;
});
await flashRangeContract('a partition of an eMMC', async (t) => {
  const range = await (await blocks(['rofs-a', 'rofs-b']))('rofs-b');
  t.teardown(() => range.close());
  return range;
});
for (const layout of [nor, emmc])
  await flashRangeContract(`an image of ${layout.kind}`, async (t) => {
    const range = await (await image(layout))(layout.kind === 'nor' ? 'app-a' : 'rofs-a');
    t.teardown(() => range.close());
    return range;
  });
await flashRangeContract('a range within another', async (t) => {
  const range = await (await image(nor))('app-a');
  t.teardown(() => range.close());
  return withinRange(range, 8192, 16_384);
});

await t.test(
  'an erase that the flash refuses, and flash that is not what the layout says, are errors',
  async (t) => {
    const locked = await (await mtd({ erase: 30 }))('app-a');
    t.teardown(() => locked.close());
    await t.rejects(locked.erase(0, 4096), { code: 'NS_FLASH', message: /erasing app-a .*\(error 30\)/ });
    await t.rejects((await mtd())('app-c'), { code: 'NS_FLASH', message: /no flash partition app-c/ });
    await t.rejects((await mtd({ eraseSize: 65_536 }))('app-a'), {
      code: 'NS_FLASH',
      message: /erased 65536/,
    });
    await t.rejects(openMtd(nor, { proc: join(home, 'none'), dev: home }), { code: 'NS_FLASH' });
    await t.rejects((await blocks(['rofs-a']))('rofs-b'), { code: 'NS_FLASH' });
    const twice = await blocks(['rofs-a', 'rofs-a']);
    await t.rejects(twice('rofs-a'), { code: 'NS_FLASH', message: /2 partitions are called rofs-a/ });
  },
);

await t.test('slots and record lie where the layout says, or nothing is opened', async (t) => {
  const record = { partition: 'u-boot-env', offset: 8192, step: 4096 };
  const slots = await openFirmwareSlots({ layout: nor, record, running: 'a', openPartition: await mtd() });
  t.equal(slots.slots.b.size, 64 * 1024);
  t.equal(slots.record[1].size, 4096);
  await slots.close();
  const short = { ...nor, partitions: nor.partitions.map((part) => ({ ...part, size: part.size * 2 })) };
  await t.rejects(openFirmwareSlots({ layout: short, record, running: 'a', openPartition: await mtd() }), {
    code: 'NS_FLASH',
    message: /the layout says/,
  });
  const far = { ...record, offset: 16 * 1024 };
  await t.rejects(openFirmwareSlots({ layout: nor, record: far, running: 'a', openPartition: await mtd() }), {
    code: 'NS_BLOCK_RANGE',
  });
});
