import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { utf8 } from '../../../../src/base/index.ts';
import type { VolumeEdit } from '../../../../src/ports/index.ts';
import { judgeVolume, Overlay, probeDisk } from '../../../../src/storage/index.ts';
import { writableKind } from '../../../../src/storage/writable-kind.ts';
import { scratch } from '../../../kit/disk-tools.ts';
import { makeFat, mtool } from '../../../kit/fat-volume.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(place.remove);
const { signal } = new AbortController();
const kind = await writableKind('vfat');
const DONE = { ok: true, value: undefined };

async function imageOf(options: readonly string[], kib: number): Promise<Uint8Array> {
  const path = join(place.dir, 'fat');
  await makeFat(path, options, kib);
  await mtool(path, 'mmd', ['::d']);
  for (const name of ['one', 'two', 'three']) await mtool(path, 'mcopy', ['/etc/hostname', `::d/${name}`]);
  return new Uint8Array(await readFile(path));
}

const fat16 = await imageOf(['-F', '16', '-s', '1'], 8192);
const fat32 = await imageOf(['-F', '32', '-s', '8'], 300_000);

function shape(image: Uint8Array) {
  const view = new DataView(image.buffer, image.byteOffset);
  const length = (view.getUint16(22, true) || view.getUint32(36, true)) * 512;
  const table = view.getUint16(14, true) * 512;
  const roots = view.getUint16(17, true) * 32;
  return { view, table, length, data: table + 2 * length + roots };
}

/** A copy in which these bytes are others. */
function altered(image: Uint8Array, ...bytes: readonly (readonly [number, number])[]): MemoryDevice {
  const copy = image.slice();
  for (const [at, value] of bytes) copy[at] = value;
  return new MemoryDevice('disk0', copy);
}

async function mayWrite(device: MemoryDevice): Promise<string> {
  const { volumes, hibernation } = await probeDisk(device);
  const [volume] = volumes;
  if (volume === undefined) throw new Error('no volume was found');
  const verdict = judgeVolume(volume, hibernation, { want: 'write', replay: false });
  return verdict.ok ? 'yes' : verdict.refusal.code;
}

await t.test(
  'a clean volume may be written; one table alone, or an information sector that cannot be, not',
  async (t) => {
    t.equal(await mayWrite(altered(fat16)), 'yes');
    t.equal(await mayWrite(altered(fat32)), 'yes');
    t.equal(
      await mayWrite(
        altered(fat32, [512 + 488, 0xff], [512 + 489, 0xff], [512 + 490, 0xff], [512 + 491, 0xff]),
      ),
      'yes',
    );
    t.equal(await mayWrite(altered(fat32, [40, 0x80])), 'VOLUME_READ_ONLY', 'the first table alone');
    t.equal(await mayWrite(altered(fat32, [40, 0x81])), 'VOLUME_READ_ONLY', 'the second table alone');
    t.equal(await mayWrite(altered(fat32, [512, 0])), 'VOLUME_DAMAGED', 'no information sector');
    t.equal(await mayWrite(altered(fat32, [48, 0])), 'VOLUME_DAMAGED', 'none is named');
    t.equal(await mayWrite(altered(fat32, [512 + 490, 0x7f])), 'VOLUME_DAMAGED', 'more free than there is');
    t.equal(await mayWrite(altered(fat32, [512 + 494, 0x7f])), 'VOLUME_DAMAGED', 'the next free one is none');
    const { table, length } = shape(fat32);
    t.equal(
      await mayWrite(altered(fat32, [table + length + 900, 1])),
      'VOLUME_DAMAGED',
      'FAT32 has two tables too',
    );
  },
);

await t.test(
  'before a write the tables are compared to their end, and the free clusters counted',
  async (t) => {
    for (const image of [fat16, fat32]) {
      t.same(await kind.preflight(altered(image), signal), DONE);
      const { table, length } = shape(image);
      const [device, last] = [altered(image), table + Math.min(length - 600, 285 * 1024)];
      device.bytes[last + length] = 1;
      t.equal(
        await mayWrite(device),
        image === fat16 ? 'VOLUME_DAMAGED' : 'yes',
        'the gate looks at 256 KiB',
      );
      t.match(await kind.preflight(device, signal), {
        refusal: { code: 'VOLUME_DAMAGED', sentence: /differ/ },
      });
    }

    const miscounted = altered(fat32, [512 + 488, (fat32[512 + 488] ?? 0) ^ 1]);
    t.match(await kind.preflight(miscounted, signal), {
      refusal: { code: 'VOLUME_DAMAGED', sentence: /clusters are free/ },
    });
  },
);

await t.test(
  'free is what lies wholly in free clusters, and nothing in front of them or behind',
  async (t) => {
    for (const [image, cluster] of [
      [fat16, 512],
      [fat32, 4096],
    ] as const) {
      const device = altered(image);
      const isFree = await kind.freeSpace(device, signal);
      const { data, table } = shape(image);
      t.equal(data % (await kind.granularity(device, signal)), 0, 'no block lies across their beginning');
      t.notOk(await isFree(0, 512));
      t.notOk(await isFree(table, 512));
      t.notOk(await isFree(data - 512, 1024), 'the end of the root directory, or of the table');
      t.notOk(await isFree(data, cluster), 'a cluster in use');
      t.notOk(await isFree(data + 3 * cluster, 4 * cluster), 'in use and free ones');
      t.ok(await isFree(data + 100 * cluster, 3 * cluster));
      t.ok(await isFree(data + 100 * cluster + 1, 1));
      t.notOk(await isFree(device.bytes.byteLength - 512, 1024), 'past the end');
    }
  },
);

await t.test('an edit after which something beside it is another is not made', async (t) => {
  const gone: VolumeEdit[] = [{ edit: 'remove-file', path: '/d/ONE' }];
  const entryOf = (name: string) => Buffer.from(fat16).indexOf(name.padEnd(11));
  const remove = async (...names: readonly string[]) => {
    const overlay = new Overlay(new MemoryDevice('disk0', fat16));
    for (const name of names) await overlay.write(entryOf(name), Uint8Array.of(0xe5));
    return overlay;
  };
  const base = altered(fat16);
  await kind.verify(base, await remove('ONE'), gone, signal);
  await t.rejects(
    kind.verify(base, await remove(), gone, signal),
    { code: 'NS_EDIT_NOT_MADE' },
    'still there',
  );
  await t.rejects(kind.verify(base, await remove('ONE', 'TWO'), gone, signal), {
    code: 'NS_EDIT_NOT_MADE',
    message: /more than was asked for/,
  });
  const longer = await remove('ONE');
  await longer.write(entryOf('TWO') + 28, utf8('x'));
  await t.rejects(kind.verify(base, longer, gone, signal), { message: /more than was asked for/ });
});
