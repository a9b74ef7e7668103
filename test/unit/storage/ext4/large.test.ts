import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { GiB, KiB, MiB } from '../../../../src/base/index.ts';
import type { BlockDevice, FileSystem, OpenFile } from '../../../../src/ports/index.ts';
import { openExt4 } from '../../../../src/storage/index.ts';
import { debugfs, hashOf, makeExt4, scratch, sha256 } from '../../../kit/disk-tools.ts';

const place = await scratch();
t.teardown(() => place.remove());
const image = join(place.dir, 'image');

async function openImage(): Promise<{ fs: FileSystem; device: BlockDevice }> {
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  return { fs: await openExt4(device), device };
}

async function mustOpen(fs: FileSystem, path: string): Promise<OpenFile> {
  const file = await fs.open(path);
  if (!file.ok) throw new Error(file.refusal.sentence);
  return file.value;
}

const code = (verdict: { ok: boolean; refusal?: { code: string } }): string => verdict.refusal?.code ?? 'ok';

for (const options of [
  ['-b', '1024'],
  ['-b', '4096'],
  ['-t', 'ext3', '-b', '1024'],
  ['-t', 'ext2', '-b', '4096'],
]) {
  await t.test(`a file in hundreds of pieces reads whole (${options.join(' ')})`, async (t) => {
    await makeExt4({ path: image, size: 16 * MiB, options: [...options, '-m', '0'] });
    const small = join(place.dir, 'small');
    const big = join(place.dir, 'big');
    await writeFile(small, randomBytes(16 * KiB));
    const content = randomBytes(3 * MiB + 123);
    await writeFile(big, content);
    const names = Array.from({ length: 440 }, (_, i) => `f${i}`);
    const filled = names.map((name) => `write ${small} ${name}`);
    const holes = names.filter((_, i) => i % 2 === 0).map((name) => `rm ${name}`);
    await debugfs(image, [...filled, ...holes, `write ${big} big`]);
    const { fs, device } = await openImage();
    const file = await mustOpen(fs, '/big');
    t.equal(await hashOf(file, 65_537), sha256(content));
    t.equal(await hashOf(file, 64 * MiB), sha256(content));
    const into = new Uint8Array(1000);
    for (const at of [0, 1, 1023, 12 * 1024, 268 * 1024 - 1, 2 * MiB + 7, 3 * MiB]) {
      const count = await file.read(at, into);
      t.same(into.subarray(0, count), content.subarray(at, at + 1000), `at ${at}`);
    }
    t.equal(await file.read(content.byteLength, into), 0);
    t.equal(await file.read(content.byteLength + 5 * GiB, into), 0);
    await device.close();
  });
}

await t.test(
  'ten thousand files of one directory are found one by one in the time of a few readings',
  async (t) => {
    const tree = join(place.dir, 'ten-thousand');
    await mkdir(tree);
    for (let i = 0; i < 10_000; i += 1) await writeFile(join(tree, `a-file-of-number-${i}`), '');
    await makeExt4({ path: image, size: 48 * MiB, options: ['-N', '12000'], content: tree, indexed: true });
    const device = await openFileDevice(image, { name: 'disk0', writable: false });
    let bytesRead = 0;
    const counted: BlockDevice = {
      ...device,
      name: device.name,
      capabilities: device.capabilities,
      read: async (offset, into, signal) => {
        bytesRead += into.byteLength;
        await device.read(offset, into, signal);
      },
    };
    const fs = await openExt4(counted);
    for (let i = 0; i < 10_000; i += 1) {
      const stat = await fs.stat(`/a-file-of-number-${i}`, false);
      if (!stat.ok) t.fail(`file ${i}`);
    }
    t.equal(code(await fs.stat('/a-file-of-number-10000', false)), 'NO_SUCH_FILE');
    t.ok(bytesRead < 16 * MiB, `${bytesRead} bytes read`);
    await device.close();
  },
);
