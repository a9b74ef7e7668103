import { randomBytes } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { KiB, MiB, NsError } from '../../../../src/base/index.ts';
import type { BlockDevice } from '../../../../src/ports/index.ts';
import { probeDisk } from '../../../../src/storage/index.ts';
import { decompressLznt1 } from '../../../../src/storage/ntfs/lznt1.ts';
import { openNtfs } from '../../../../src/storage/ntfs/open-ntfs.ts';
import { hashOf, run, scratch } from '../../../kit/disk-tools.ts';
import { makeNtfs, withNtfs3g } from '../../../kit/ntfs-volume.ts';
import { patchedDevice } from '../../../kit/patched-device.ts';

const place = await scratch();
t.teardown(place.remove);

async function plant(root: string): Promise<void> {
  await mkdir(join(root, 'many'));
  for (let i = 0; i < 120; i += 1) await writeFile(join(root, 'many', `a file with a name ${i}`), 'x');
  await writeFile(join(root, 'large'), randomBytes(100 * KiB));
  await symlink('many', join(root, 'link'));
  await mkdir(join(root, 'compressed'));
  await run('setfattr', ['-n', 'system.ntfs_attrib_be', '-v', '0x00000800', join(root, 'compressed')]);
  await writeFile(join(root, 'compressed', 'text'), 'so much of a muchness '.repeat(10_000));
}

const path = join(place.dir, 'ntfs');
await makeNtfs(path, 8, ['-c', '512']);
await withNtfs3g(path, join(place.dir, 'mount'), plant);
const image = new Uint8Array(await readFile(path));
const mftAt = Number(new DataView(image.buffer).getBigUint64(0x30, true)) * 512;

const MOST_READS = 20_000;

/** How much is found; a volume that contradicts itself gives less, and nothing else may be thrown. */
async function lookAround(device: BlockDevice): Promise<number> {
  let found = 0;
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      const told = error instanceof NsError && ['NS_FS_CORRUPT', 'NS_FS_UNSUPPORTED'].includes(error.code);
      if (!told) throw error;
    }
  };
  await attempt(async () => {
    const fs = await openNtfs(device);
    for (const directory of ['/', '/many', '/link', '/compressed']) {
      await attempt(async () => {
        const listed = await fs.list(directory);
        if (!listed.ok) return;
        for await (const _ of listed.value) found += 1;
      });
    }
    for (const path of [
      '/large',
      '/compressed/text',
      '/many/a file with a name 77',
      '/link/a file with a name 3',
    ]) {
      await attempt(async () => {
        const file = await fs.open(path);
        await fs.extras(path, true);
        if (file.ok) await file.value.extents?.(0, 64 * MiB);
        if (!file.ok || file.value.stat.size > 4_000_000) return;
        await hashOf(file.value);
        found += 1;
      });
    }
  });
  return found;
}

await t.test('wherever bytes are altered, reading ends, and throws nothing unforeseen', async (t) => {
  const whole = await lookAround(patchedDevice(image, [], MOST_READS));
  t.equal(whole, 4 + 120 + 120 + 1 + 4);
  const value = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  const place = fc.oneof(
    fc.nat(0x60),
    fc.nat(160 * KiB - 1).map((at) => mftAt + at),
    fc.nat(11 * KiB).map((at) => mftAt + at),
    fc.nat(image.byteLength - 1),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ at: place, value }), { minLength: 1, maxLength: 10 }),
      async (hits) => {
        await lookAround(patchedDevice(image, hits, MOST_READS));
        await probeDisk(patchedDevice(image, hits, MOST_READS));
      },
    ),
    { numRuns: 150 },
  );
});

await t.test('each byte of the records of the volume itself at its extremes', async (t) => {
  let less = 0;
  for (let at = mftAt; at < mftAt + 512; at += 3) {
    for (const value of [0, 0xff]) {
      if ((await lookAround(patchedDevice(image, [{ at, value }], MOST_READS))) < 249) less += 1;
    }
  }
  t.ok(less > 10, `${less} made a difference`);
});

await t.test('any bytes as compressed ones give a unit of the right length, or are refused', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9000 }), fc.constantFrom(4096, 65_536), (bytes, size) => {
      try {
        return decompressLznt1(bytes, size).byteLength === size;
      } catch (error) {
        return error instanceof NsError && error.code === 'NS_FS_CORRUPT';
      }
    }),
    { numRuns: 3000 },
  );
  t.end();
});
