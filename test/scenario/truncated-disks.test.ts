import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { KiB, MiB } from '../../src/base/index.ts';
import { makeExt4, run, scratch, sha256 } from '../kit/disk-tools.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';
import { writeGpt } from '../kit/gpt-table.ts';
import { lookAtDisk, type Truth } from '../kit/hostile-look.ts';
import { noise } from '../kit/noise.ts';
import { makeNtfs } from '../kit/ntfs-volume.ts';
import { watchedDevice, withinMemory } from '../kit/watched-device.ts';

const place = await scratch();
t.teardown(place.remove);

const content = noise(40 * KiB, 1);
const TRUTH: Truth = new Map([['/file.bin', sha256(content)]]);
const source = join(place.dir, 'tree');
await mkdir(source);
await writeFile(join(source, 'file.bin'), content);

const path = join(place.dir, 'volume');
const loaded = async (): Promise<Uint8Array> => new Uint8Array(await readFile(path));

const VOLUMES: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  ext4: async () => {
    await makeExt4({
      path,
      size: 3 * MiB,
      options: ['-b', '1024', '-N', '64', '-J', 'size=1'],
      content: source,
    });
    return await loaded();
  },
  FAT12: async () => {
    await makeFat(path, [], 1440);
    await mtool(path, 'mcopy', [join(source, 'file.bin'), '::']);
    return await loaded();
  },
  FAT16: async () => {
    await makeFat(path, ['-F', '16', '-s', '1'], 4200);
    await mtool(path, 'mcopy', [join(source, 'file.bin'), '::']);
    return await loaded();
  },
  NTFS: async () => {
    await makeNtfs(path, 4, ['-c', '512']);
    await run('ntfscp', ['-q', path, join(source, 'file.bin'), '/file.bin']);
    return await loaded();
  },
};

/** Where something begins on any of these: sectors, blocks, the powers of two, eighths; and a byte to either side. */
function cuts(size: number, more: readonly number[]): number[] {
  const edges = [
    0,
    512,
    1536,
    3072,
    ...more,
    ...Array.from({ length: 9 }, (_, n) => Math.floor((size * n) / 8)),
  ];
  for (let edge = 1024; edge < size; edge *= 2) edges.push(edge);
  const all = edges.flatMap((edge) => [edge - 512, edge - 1, edge, edge + 1]);
  return [...new Set(all)].filter((cut) => cut >= 0 && cut < size).sort((a, b) => a - b);
}

async function cutEverywhere(
  t: Test,
  image: Uint8Array,
  more: readonly number[],
  sectorSize = 512,
): Promise<void> {
  const whole = await lookAtDisk(watchedDevice(image, { sectorSize }), TRUTH);
  t.same([...new Set(whole.volumes.values())], ['right'], 'whole, it is read');
  const counts = new Map<string, number>();
  await withinMemory(192, async () => {
    for (const size of cuts(image.byteLength, more)) {
      const { volumes, notes } = await lookAtDisk(watchedDevice(image, { size, sectorSize }), TRUTH);
      if (volumes.size === 0 && notes.length === 0) t.fail(`${size}: nothing is found, and nothing said`);
      for (const [, said] of volumes) counts.set(said, (counts.get(said) ?? 0) + 1);
    }
  });
  t.comment(`figure: ${[...counts].map(([said, n]) => `${said}: ${n}`).join('; ')}`);
  const known = ['right', 'VOLUME_DAMAGED', 'VOLUME_UNSUPPORTED', 'NS_FS_CORRUPT'];
  t.same(
    [...counts.keys()].filter((said) => !known.includes(said)),
    [],
  );
}

for (const [name, make] of Object.entries(VOLUMES)) {
  await t.test(`${name}, cut off at every edge, is read right or refused`, async (t) => {
    await cutEverywhere(t, await make(), []);
  });
}

for (const sectorSize of [512, 4096]) {
  await t.test(
    `a disk of three volumes with sectors of ${sectorSize} bytes, cut off at every edge`,
    async (t) => {
      const made = [await VOLUMES.ext4!(), await VOLUMES.FAT16!(), await VOLUMES.NTFS!()];
      const starts: number[] = [MiB];
      for (const { byteLength } of made) starts.push(Math.ceil((starts.at(-1)! + byteLength) / MiB) * MiB);
      const image = new Uint8Array(starts.at(-1)! + MiB);
      for (const [n, volume] of made.entries()) image.set(volume, starts[n]);
      const places = made.map(({ byteLength }, n) => ({
        first: starts[n]! / sectorSize,
        last: (starts[n]! + byteLength) / sectorSize - 1,
      }));
      writeGpt(image, sectorSize, places);
      await cutEverywhere(
        t,
        image,
        [...starts, 34 * 512, 6 * 4096, image.byteLength - sectorSize],
        sectorSize,
      );
      // Without its end there is no second copy, and the first one speaks of sectors that are not there.
      const { volumes, notes } = await lookAtDisk(
        watchedDevice(image, { size: image.byteLength - 512, sectorSize }),
        TRUTH,
      );
      t.equal(volumes.size, 0);
      t.match(notes, [/neither copy is whole/]);
    },
  );
}

await t.test('with an MBR, what lies before the cut is read, and what does not is named', async (t) => {
  const made = [await VOLUMES.FAT12!(), await VOLUMES.ext4!(), await VOLUMES.NTFS!()];
  const image = new Uint8Array(16 * MiB);
  const view = new DataView(image.buffer);
  view.setUint16(510, 0xaa55, true);
  for (const [n, volume] of made.entries()) {
    const start = (1 + n * 5) * MiB;
    image.set(volume, start);
    image[446 + n * 16 + 4] = 0x83;
    view.setUint32(446 + n * 16 + 8, start / 512, true);
    view.setUint32(446 + n * 16 + 12, volume.byteLength / 512, true);
  }
  for (const size of cuts(image.byteLength, [MiB, 6 * MiB, 9 * MiB, 11 * MiB, 15 * MiB]).filter(
    (cut) => cut >= 8192,
  )) {
    const { volumes, notes } = await lookAtDisk(watchedDevice(image, { size }), TRUTH);
    const there = made.filter(({ byteLength }, n) => (1 + n * 5) * MiB + byteLength <= size).length;
    t.same([...volumes.values()], Array<string>(there).fill('right'), `${size}`);
    t.equal(notes.filter((note) => note.includes('lies outside the disk')).length, 3 - there);
  }
});
