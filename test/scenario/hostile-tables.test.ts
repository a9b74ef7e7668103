import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { crc32, MiB } from '../../src/base/index.ts';
import { readPartitionTable } from '../../src/storage/index.ts';
import { run, scratch } from '../kit/disk-tools.ts';
import { extremes } from '../kit/hostile-look.ts';
import { watchedDevice } from '../kit/watched-device.ts';

const place = await scratch();
t.teardown(place.remove);

/** Name, offset and width of each field. */
type Field = readonly [name: string, at: number, width: number];

/** Partitions of a table, none of which may leave the disk; fewer or others than there are is told. */
async function everyTable(
  t: Test,
  image: Uint8Array,
  fields: readonly Field[],
  repair: () => void,
): Promise<void> {
  const truth = await readPartitionTable(watchedDevice(image));
  const shown = (table: typeof truth) =>
    JSON.stringify(table.partitions.map(({ slot, start, length }) => [slot, start, length]));
  t.ok(truth.partitions.length >= 3);
  let [same, told] = [0, 0];
  for (const [name, at, width] of fields) {
    const saved = image.slice();
    for (const value of extremes(image.slice(at, at + width))) {
      image.set(value, at);
      repair();
      const table = await readPartitionTable(watchedDevice(image, { reads: 2000 }));
      for (const { start, length } of table.partitions) {
        if (!(start > 0 && length > 0 && start + length <= image.byteLength))
          t.fail(`${name} leaves the disk`);
      }
      if (shown(table) === shown(truth)) same += 1;
      else if (
        table.notes.length > 0 ||
        table.scheme === 'none' ||
        /type|first|last|sectors|entries|entry size/.test(name)
      )
        told += 1;
      else t.fail(`${name} = ${Buffer.from(value).toString('hex')}: other partitions, and nothing said`);
      image.set(saved);
    }
  }
  t.comment(`figure: the same: ${same}; others, and told: ${told}`);
}

async function partitioned(script: string): Promise<Uint8Array> {
  const path = join(place.dir, 'disk');
  await writeFile(path, Buffer.alloc(8 * MiB));
  await writeFile(`${path}.script`, script);
  await run('sh', ['-c', 'sfdisk -q --no-tell-kernel "$0" < "$1"', path, `${path}.script`]);
  return new Uint8Array(await readFile(path));
}

await t.test(
  'GPT: each field of header and entries, with checksums that fit, in one copy and in both',
  async (t) => {
    const image = await partitioned('label: gpt\nsize=1MiB\nsize=1MiB\nsize=1MiB\n');
    const view = new DataView(image.buffer);
    const last = image.byteLength - 512;
    const seal = (header: number): void => {
      const array = Number(view.getBigUint64(header + 72, true)) * 512;
      const length = view.getUint32(header + 80, true) * view.getUint32(header + 84, true);
      if (array + length <= image.byteLength && length <= MiB) {
        view.setUint32(header + 88, crc32(image.subarray(array, array + length)), true);
      }
      view.setUint32(header + 16, 0, true);
      const size = Math.min(512, Math.max(92, view.getUint32(header + 12, true)));
      view.setUint32(header + 16, crc32(image.subarray(header, header + size)), true);
    };
    const header = (at: number): Field[] => [
      ['signature', at, 8],
      ['revision', at + 8, 4],
      ['size', at + 12, 4],
      ['own', at + 24, 8],
      ['other', at + 32, 8],
      ['first usable', at + 40, 8],
      ['last usable', at + 48, 8],
      ['array', at + 72, 8],
      ['entries', at + 80, 4],
      ['entry size', at + 84, 4],
    ];
    const entries: Field[] = [0, 1].flatMap((n) => [
      [`type ${n}`, 1024 + n * 128, 16],
      [`first ${n}`, 1024 + n * 128 + 32, 8],
      [`last ${n}`, 1024 + n * 128 + 40, 8],
      [`attributes ${n}`, 1024 + n * 128 + 48, 8],
    ]);
    await everyTable(t, image, [...header(512), ...entries], () => seal(512));
    await everyTable(t, image, header(last), () => seal(last));
    await everyTable(t, image, [...header(512), ...entries], () => {
      for (const at of [8, 12, 40, 48, 80, 84])
        image.copyWithin(last + at, 512 + at, 512 + at + (at === 40 || at === 48 ? 8 : 4));
      image.copyWithin(last - 32 * 512, 1024, 1024 + 32 * 512);
      seal(512);
      seal(last);
    });
    await everyTable(t, image, [...header(512), ...entries], () => {});
  },
);

await t.test('MBR: each field of each entry, of primary and of logical partitions', async (t) => {
  const image = await partitioned(
    'label: dos\nsize=1MiB\nsize=1MiB\nsize=4MiB, type=5\nsize=512KiB\nsize=512KiB\nsize=512KiB\n',
  );
  const view = new DataView(image.buffer);
  const records = [0, view.getUint32(446 + 32 + 8, true) * 512];
  records.push(records[1]! + view.getUint32(records[1]! + 446 + 16 + 8, true) * 512);
  const fields: Field[] = records.flatMap((record, n) =>
    [0, 1, 2, 3].flatMap((slot): Field[] => {
      const at = record + 446 + slot * 16;
      return [
        [`status ${n}.${slot}`, at, 1],
        [`type ${n}.${slot}`, at + 4, 1],
        [`first ${n}.${slot}`, at + 8, 4],
        [`sectors ${n}.${slot}`, at + 12, 4],
      ];
    }),
  );
  await everyTable(t, image, [...fields, ['mark', 510, 2]], () => {});
});
