import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import * as v from 'valibot';
import { bootRecordPlace, type MediumContent, writeMedium } from '../../../flash/media.ts';
import { type FlashLayout, flashLayout } from '../../../src/board/index.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-media-'));
t.teardown(() => rmSync(home, { recursive: true }));
const MiB = 1024 * 1024;
const DATE = 1_790_000_000;

const layoutOf = (name: string): FlashLayout =>
  v.parse(
    flashLayout,
    JSON.parse(readFileSync(new URL(`../../../flash/layouts/${name}.json`, import.meta.url), 'utf8')),
  );
const partOf = ({ partitions }: FlashLayout, name: string): FlashLayout['partitions'][number] => {
  const part = partitions.find((each) => each.name === name);
  if (part === undefined) throw new Error(`there is no ${name}`);
  return part;
};
const filled = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0x5a);

await t.test('what is larger than its partition by a byte fails, and nothing is written', async (t) => {
  for (const name of ['nor-64m', 'nor-64m-npcm', 'nor-128m-ab', 'emmc-ab']) {
    const layout = layoutOf(name);
    for (const partition of layout.partitions.filter(({ size }) => size < 64 * MiB)) {
      const path = join(home, 'too-large');
      const over: MediumContent[] = [
        { partition, offset: 0, data: { byteLength: partition.size + 1 } as Uint8Array },
      ];
      const message = `${partition.name} has room for ${partition.size} bytes, and ${partition.size + 1} are to go there`;
      t.throws(() => writeMedium(path, layout, over, DATE), { message });
      const late: MediumContent[] = [{ partition, offset: partition.size - 1, data: filled(2) }];
      t.throws(() => writeMedium(path, layout, late, DATE), { message });
      t.notOk(existsSync(path));
    }
  }
});

await t.test('what fills it to its last byte fits, and NOR is erased wherever nothing is', async (t) => {
  const layout = layoutOf('nor-64m');
  const partition = partOf(layout, 'app-a');
  const path = join(home, 'nor');
  writeMedium(path, layout, [{ partition, offset: 0, data: filled(partition.size) }], DATE);
  const written = readFileSync(path);
  t.equal(written.byteLength, layout.size);
  const expected = Buffer.alloc(layout.size, 0xff);
  expected.fill(0x5a, partition.offset, partition.offset + partition.size);
  t.ok(written.equals(expected));
});

await t.test('the boot record has two erase blocks of its own, at the end of the environment', async (t) => {
  for (const name of ['nor-64m', 'nor-64m-npcm', 'nor-128m-ab', 'emmc-ab']) {
    const layout = layoutOf(name);
    const { partition, offset, step } = bootRecordPlace(layout);
    t.equal(offset + 2 * step, partOf(layout, partition).size, name);
    t.equal((partOf(layout, partition).offset + offset) % layout.eraseSize, 0);
    t.equal(step % layout.eraseSize, 0);
  }
});

await t.test('eMMC has the partitions of its layout, by name, and an ext4 for the state', async (t) => {
  const layout = layoutOf('emmc-ab');
  const path = join(home, 'emmc');
  writeMedium(path, layout, [{ partition: partOf(layout, 'rofs-a'), offset: 0, data: filled(MiB) }], DATE);
  const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const table = JSON.parse(execFileSync('sfdisk', ['--json', path], { encoding: 'utf8', env })) as {
    readonly partitiontable: {
      readonly partitions: readonly { start: number; size: number; name: string }[];
    };
  };
  t.same(
    table.partitiontable.partitions.map(({ start, size, name }) => ({
      name,
      offset: start * 512,
      size: size * 512,
    })),
    layout.partitions.map(({ name, offset, size }) => ({ name, offset, size })),
  );
  const state = `${path}?offset=${partOf(layout, 'rwfs').offset}`;
  t.match(
    execFileSync('dumpe2fs', ['-h', state], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] }),
    /Filesystem state: +clean/,
  );
});
