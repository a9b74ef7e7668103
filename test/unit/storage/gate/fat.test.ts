import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { judgeVolume, probeDisk } from '../../../../src/storage/index.ts';
import { scratch } from '../../../kit/disk-tools.ts';
import { makeFat } from '../../../kit/fat-volume.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(place.remove);

async function imageOf(options: readonly string[], kib: number): Promise<Uint8Array> {
  const path = join(place.dir, 'fat');
  await makeFat(path, options, kib);
  return new Uint8Array(await readFile(path));
}

/** What the gate says of a volume: the code of the first reason not to read it, and not to write it. */
async function verdicts(image: Uint8Array) {
  const { volumes, hibernation } = await probeDisk(new MemoryDevice('disk0', image));
  const [volume] = volumes;
  if (volume === undefined) throw new Error('no volume was found');
  const read = judgeVolume(volume, hibernation, { want: 'read', staleOk: false });
  const write = judgeVolume(volume, hibernation, { want: 'write', replay: false });
  return {
    volume,
    read: read.ok ? 'yes' : read.refusal.code,
    write: write.ok ? 'yes' : write.refusal.code,
  };
}

const tableAt = (image: Uint8Array): number => {
  const view = new DataView(image.buffer);
  return view.getUint16(14, true) * view.getUint16(11, true);
};

/** With bits of a byte of both tables cleared, as a host does that mounts it or meets an error. */
function marked(image: Uint8Array, at: number, mask: number): Uint8Array {
  const view = new DataView(image.buffer);
  const length = (view.getUint16(22, true) || view.getUint32(36, true)) * view.getUint16(11, true);
  const altered = new Uint8Array(image);
  for (const copy of [0, 1]) {
    const place = tableAt(image) + copy * length + at;
    altered[place] = (altered[place] ?? 0) & mask;
  }
  return altered;
}

for (const [name, options, kib] of [
  ['FAT16', ['-F', '16', '-s', '1'], 4200],
  ['FAT32', ['-F', '32', '-s', '1'], 34_000],
] as const) {
  await t.test(`${name}: what the host left undone is seen in either place where it is noted`, async (t) => {
    const image = await imageOf(options, kib);
    const clean = await verdicts(image);
    t.match(clean, { read: 'yes', volume: { type: 'vfat', label: 'NIGHT', uuid: '1234-abcd' } });
    t.notOk(clean.volume.notes.some((note) => note.includes('unmounted')));
    const inBootSector = new Uint8Array(image);
    inBootSector[name === 'FAT16' ? 37 : 65] = 1;
    t.match(await verdicts(inBootSector), { read: 'yes', write: 'VOLUME_DIRTY' });
    const [at, clean0, sound0] = name === 'FAT16' ? [3, 0x7f, 0xbf] : [7, 0xf7, 0xfb];
    t.match(await verdicts(marked(image, at, clean0)), { read: 'yes', write: 'VOLUME_DIRTY' });
    t.match(await verdicts(marked(image, at, sound0)), { read: 'yes', write: 'VOLUME_DAMAGED' });
  });
}

await t.test('two tables that differ are told, and are no ground to write on', async (t) => {
  const image = await imageOf(['-F', '16', '-s', '1'], 4200);
  image[tableAt(image) + 100] = 0x55;
  const judged = await verdicts(image);
  t.match(judged, { read: 'yes', write: 'VOLUME_DAMAGED' });
  t.ok(judged.volume.notes.some((note) => note.includes('copies of the allocation table differ')));
});

await t.test(
  'a FAT volume cut short, or with a boot sector that contradicts itself, is not read',
  async (t) => {
    const image = await imageOf(['-F', '16', '-s', '1'], 4200);
    t.equal((await verdicts(image.slice(0, image.byteLength / 2))).read, 'VOLUME_DAMAGED');
    const odd = new Uint8Array(image);
    odd[13] = 3;
    t.match(await verdicts(odd), { read: 'VOLUME_DAMAGED', write: 'VOLUME_DAMAGED' });
  },
);
