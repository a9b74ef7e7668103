import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../src/adapters/file-device.ts';
import { blockDeviceContract } from '../../contract/block-device.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';
import { noise } from '../../kit/noise.ts';
import { PowerRail } from '../../kit/power-cut.ts';

const directory = await mkdtemp(join(tmpdir(), 'ns-device-'));
t.teardown(() => rm(directory, { recursive: true }));
let count = 0;
async function image(size: number): Promise<string> {
  count += 1;
  const path = join(directory, `image-${count}`);
  await writeFile(path, '');
  await truncate(path, size);
  return path;
}

await blockDeviceContract('file device', async (size) => ({
  device: await openFileDevice(await image(size), { name: 'disk0', writable: true }),
}));
await blockDeviceContract('file device that is as quick as it can', async (size) => ({
  device: await openFileDevice(await image(size), { name: 'disk0', writable: true, adaptive: true }),
}));
await blockDeviceContract('file device with a way to the medium', async (size) => ({
  device: await openFileDevice(await image(size), { name: 'disk0', writable: true, medium: true }),
}));
await blockDeviceContract('memory device', async (size) => ({ device: new MemoryDevice('memory', size) }));

await blockDeviceContract('device on a power rail', async (size) => ({
  device: new PowerRail().wrap(new MemoryDevice('memory', size)),
}));

await t.test('a device opened for reading is not written', async (t) => {
  const device = await openFileDevice(await image(4096), {
    name: 'disk0',
    writable: false,
    sectorSize: 4096,
  });
  t.equal(device.capabilities.sectorSize, 4096);
  t.equal(device.capabilities.writable, false);
  await t.rejects(device.write(0, new Uint8Array(1)), { code: 'NS_BLOCK_READ_ONLY' });
  await device.flush();
  await device.close();
});

await t.test(
  'a read from the medium gives what was written, aligned or not, and nothing past the end',
  async (t) => {
    const size = 300 * 1024 + 512;
    const device = await openFileDevice(await image(size), { name: 'disk0', writable: true, medium: true });
    const { readMedium } = device;
    if (readMedium === undefined) throw new Error('this system has no way past its cache');
    const content = noise(size, 5);
    await device.write(0, content);
    await device.flush();
    await Promise.all(
      [
        [0, size],
        [1, 4096],
        [4095, 70_000],
        [size - 1, 1],
        [65_536, 65_536],
        [size, 0],
      ].map(async ([offset, length]) => {
        const into = new Uint8Array(length!);
        await readMedium(offset!, into);
        t.equal(Buffer.compare(into, content.subarray(offset, offset! + length!)), 0, `${offset} ${length}`);
      }),
    );
    await t.rejects(readMedium(size - 1, new Uint8Array(2)), { code: 'NS_BLOCK_RANGE' });
    await device.close();
  },
);

await t.test('a device has a way to the medium only where that was asked for', async (t) => {
  const device = await openFileDevice(await image(4096), { name: 'disk0', writable: true });
  t.equal(device.readMedium, undefined);
  await device.close();
});

await t.test('offsets past 4 GiB are kept apart from those below', async (t) => {
  const device = await openFileDevice(await image(2 ** 33), { name: 'disk0', writable: true });
  await device.write(2 ** 32 + 5, Uint8Array.of(1));
  const byte = new Uint8Array(1);
  await device.read(5, byte);
  t.equal(byte[0], 0);
  await device.read(2 ** 32 + 5, byte);
  t.equal(byte[0], 1);
  await device.close();
});

await t.test('an image that shrinks under us is NS_BLOCK_IO, never made-up bytes', async (t) => {
  const path = await image(8192);
  const device = await openFileDevice(path, { name: 'disk0', writable: false });
  await truncate(path, 4096);
  await t.rejects(device.read(4090, new Uint8Array(10)), { code: 'NS_BLOCK_IO' });
  await device.close();
});

await t.test('what is no file and no block device is not opened', async (t) => {
  await t.rejects(openFileDevice('/dev/null', { name: 'x', writable: true }), { code: 'NS_BLOCK_KIND' });
  await t.rejects(openFileDevice(directory, { name: 'x', writable: false }), { code: 'NS_BLOCK_KIND' });
  await t.rejects(openFileDevice(join(directory, 'none'), { name: 'x', writable: false }), {
    code: 'NS_BLOCK_IO',
  });
  const path = join(directory, 'link');
  await symlink(await image(512), path);
  await (await openFileDevice(path, { name: 'x', writable: false })).close();
});
