import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { KiB, NsError } from '../../../../src/base/index.ts';
import type { BlockDevice } from '../../../../src/ports/index.ts';
import { openFat } from '../../../../src/storage/fat/open-fat.ts';
import { probeDisk } from '../../../../src/storage/index.ts';
import { hashOf, scratch, sha256 } from '../../../kit/disk-tools.ts';
import { makeFat, mtool } from '../../../kit/fat-volume.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';
import { patchedDevice } from '../../../kit/patched-device.ts';

const place = await scratch();
t.teardown(place.remove);

/** A volume with a file in one piece, one in a directory, and a directory of several clusters. */
async function imageOf(options: readonly string[], kib: number): Promise<Uint8Array> {
  const image = join(place.dir, 'image');
  await makeFat(image, options, kib);
  const file = join(place.dir, 'file');
  await writeFile(file, randomBytes(20 * KiB));
  const many = join(place.dir, 'many');
  await mkdir(many, { recursive: true });
  for (let i = 0; i < 60; i += 1) await writeFile(join(many, `one of many files ${i}`), 'x');
  await mtool(image, 'mcopy', [file, '::large.bin']);
  await mtool(image, 'mcopy', ['-s', many, '::']);
  await mtool(image, 'mcopy', [file, '::many/inner.bin']);
  return new Uint8Array(await readFile(image));
}

const MOST_READS = 5000;

/** What is found of the files, by path; what the volume says of itself that cannot be is left out, and nothing else may be thrown. */
async function lookAround(device: BlockDevice): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      const known = error instanceof NsError && ['NS_FS_CORRUPT', 'NS_FS_UNSUPPORTED'].includes(error.code);
      if (!known) throw error;
    }
  };
  await attempt(async () => {
    const fs = await openFat(device);
    for (const directory of ['/', '/many']) {
      await attempt(async () => {
        const listed = await fs.list(directory);
        if (!listed.ok) return;
        for await (const { name } of listed.value) found.set(`${directory}:${name}`, 'listed');
      });
    }
    for (const path of ['/large.bin', '/many/inner.bin', '/many/one of many files 59']) {
      await attempt(async () => {
        const file = await fs.open(path);
        await fs.extras(path, true);
        if (file.ok && file.value.stat.size < 4_000_000) found.set(path, await hashOf(file.value));
      });
    }
  });
  return found;
}

const SHAPES = [
  ['FAT12', await imageOf([], 1440)],
  ['FAT16', await imageOf(['-F', '16', '-s', '1'], 4200)],
  ['FAT32', await imageOf(['-F', '32', '-s', '1'], 34_000)],
] as const;

for (const [name, image] of SHAPES) {
  // Boot sector, tables and the first directories lie here.
  const end = Math.min(image.byteLength, name === 'FAT32' ? 600 * KiB : 64 * KiB);

  await t.test(
    `${name}: wherever bytes are altered, reading ends, and throws nothing unforeseen`,
    async (t) => {
      const whole = await lookAround(patchedDevice(image, [], MOST_READS));
      t.ok(whole.size > 60, 'what was written is found');
      const hit = fc.record({ at: fc.nat(end - 1), value: fc.integer({ min: 0, max: 255 }) });
      const early = fc.record({ at: fc.nat(2047), value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff) });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(hit, early), { minLength: 1, maxLength: 12 }), async (hits) => {
          await lookAround(patchedDevice(image, hits, MOST_READS));
          await probeDisk(patchedDevice(image, hits, MOST_READS));
        }),
        { numRuns: name === 'FAT32' ? 60 : 150 },
      );
    },
  );

  await t.test(`${name}: each byte of the boot sector at its extremes`, async (t) => {
    let refused = 0;
    for (let at = 0; at < 90; at += 1) {
      for (const value of name === 'FAT32' ? [0, 0xff] : [0, 1, 0x80, 0xff]) {
        const found = await lookAround(patchedDevice(image, [{ at, value }], MOST_READS));
        if (found.size === 0) refused += 1;
        await probeDisk(patchedDevice(image, [{ at, value }], MOST_READS));
      }
    }
    t.ok(refused > 20, `${refused} were refused whole`);
  });
}

await t.test(
  'a chain that leads round in a circle, or is longer or shorter than its file, is no file',
  async (t) => {
    const image = new Uint8Array(SHAPES[1][1]);
    const fields = new DataView(image.buffer);
    const tableAt = fields.getUint16(14, true) * fields.getUint16(11, true);
    const first = fields.getUint16(Buffer.from(image).indexOf('LARGE   BIN') + 26, true);
    const fs = await openFat(new MemoryDevice('disk0', image));
    const before = await fs.open('/large.bin');
    if (!before.ok) throw new Error(before.refusal.sentence);
    t.match(await hashOf(before.value), /^[0-9a-f]{64}$/);
    // mtools filled an empty volume, so the clusters lie one behind the other.
    const last = first + Math.ceil((20 * KiB) / 512) - 1;
    t.ok(fields.getUint16(tableAt + last * 2, true) >= 0xfff8, 'the last cluster of the file');
    const cases = {
      'a circle': [last, first],
      longer: [last, last + 1],
      shorter: [last - 5, 0xffff],
    } as const;
    for (const [what, [cluster, next]] of Object.entries(cases)) {
      const altered = new Uint8Array(image);
      new DataView(altered.buffer).setUint16(tableAt + cluster * 2, next, true);
      const file = await (await openFat(new MemoryDevice('disk0', altered))).open('/large.bin');
      if (!file.ok) throw new Error(file.refusal.sentence);
      await t.rejects(hashOf(file.value), { code: 'NS_FS_CORRUPT' }, what);
    }
    t.equal(sha256(image), sha256(SHAPES[1][1]));
  },
);
