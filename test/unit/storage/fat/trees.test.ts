import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { KiB } from '../../../../src/base/index.ts';
import type { FileSystem } from '../../../../src/ports/index.ts';
import { openFat } from '../../../../src/storage/fat/open-fat.ts';
import { hashOf, run, scratch, sha256 } from '../../../kit/disk-tools.ts';
import { FAT_SHAPES, makeFat, mtool } from '../../../kit/fat-volume.ts';

const place = await scratch();
t.teardown(place.remove);
const root = join(place.dir, 'tree');

async function plant(): Promise<void> {
  await mkdir(join(root, 'EFI', 'Boot'), { recursive: true });
  await writeFile(join(root, 'EFI', 'Boot', 'bootx64.efi'), randomBytes(150 * KiB + 7));
  await writeFile(join(root, 'EMPTY.TXT'), '');
  await writeFile(join(root, 'README.TXT'), 'a short name');
  await writeFile(join(root, 'small.txt'), 'a short name in small letters');
  await writeFile(join(root, 'Ünïcödé ☃ Ж.text'), 'a long name in several scripts');
  await writeFile(join(root, `${'n'.repeat(251)}.end`), 'the longest name');
  await writeFile(join(root, 'thirteen char'), 'a long name that fills its parts');
  await mkdir(join(root, 'many'));
  for (let i = 0; i < 300; i += 1) await writeFile(join(root, 'many', `a file with number ${i}`), `${i}`);
  const deep = join(root, ...Array.from({ length: 12 }, (_, i) => `level-${i}`));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'bottom'), 'bottom');
}

await plant();

/** What differs between all below a directory and the same on the volume, and how many files were compared. */
async function compare(fs: FileSystem, path = '/'): Promise<{ faults: string[]; files: number }> {
  const listed = await fs.list(path);
  if (!listed.ok) throw new Error(listed.refusal.sentence);
  const names: string[] = [];
  for await (const { name } of listed.value) names.push(name ?? '?');
  const local = await readdir(join(root, path));
  const faults =
    names.sort().join('/') === local.sort().join('/') ? [] : [`${path} holds ${names.join('/')}`];
  let files = 0;
  for (const name of local) {
    const below = path === '/' ? `/${name}` : `${path}/${name}`;
    const there = await stat(join(root, below));
    if (there.isDirectory()) {
      const inner = await compare(fs, below);
      faults.push(...inner.faults);
      files += inner.files;
      continue;
    }
    files += 1;
    const file = await fs.open(below);
    if (!file.ok) throw new Error(`${below}: ${file.refusal.sentence}`);
    if (file.value.stat.size !== there.size) faults.push(`${below} has ${file.value.stat.size} bytes`);
    if ((await hashOf(file.value)) !== sha256(await readFile(join(root, below))))
      faults.push(`${below} differs`);
    if (Math.abs(file.value.stat.mtime - there.mtimeMs / 1000) > 2) faults.push(`${below} has another time`);
  }
  return { faults, files };
}

await t.test('the attribute bits, the birth and the day of the last access are told', async (t) => {
  const image = join(place.dir, 'bits');
  await makeFat(image, ['-F', '16'], 20_000);
  await mtool(image, 'mcopy', [join(root, 'README.TXT'), '::README.TXT']);
  await mtool(image, 'mattrib', ['+h', '+s', '+r', '::README.TXT']);
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const fs = await openFat(device);
  const found = await fs.extras('/readme.txt', false);
  if (!found.ok) throw new Error(found.refusal.sentence);
  const { xattrs, atime = 1, birth = 0 } = found.value;
  t.same(xattrs, [{ name: 'system.dos_attrib', value: Uint8Array.of(0x27, 0, 0, 0) }]);
  t.equal(atime % 86_400, 0, 'a day');
  const stat = await fs.stat('/readme.txt', false);
  t.ok(stat.ok && Math.abs(stat.value.mtime - birth) <= 2);
  t.same(await fs.extras('/', false), { ok: true, value: { xattrs: [] } });
  await device.close();
});

await t.test('what mtools writes is read back, in every format', async (t) => {
  const image = join(place.dir, 'volume');
  for (const [name, options, kib] of FAT_SHAPES) {
    await makeFat(image, options, kib);
    const sources = (await readdir(root)).map((entry) => join(root, entry));
    await run('env', ['TZ=UTC', 'LC_ALL=C.UTF-8', 'mcopy', '-i', image, '-s', '-m', '-Q', ...sources, '::']);
    const before = sha256(await readFile(image));
    const device = await openFileDevice(image, { name: 'disk0', writable: false });
    const fs = await openFat(device);
    t.match(fs.facts, { type: 'vfat', label: 'NIGHT', uuid: '1234-abcd' }, name);
    const free = Number(
      /([\d ]+) bytes free/.exec(await mtool(image, 'mdir', ['::']))?.[1]?.replaceAll(' ', ''),
    );
    t.equal(fs.facts.free, free, `${name}: as much is free as mdir says`);
    t.same(await compare(fs), { faults: [], files: 308 }, name);
    await device.close();
    t.equal(sha256(await readFile(image)), before, `${name}: nothing was written`);
  }
});

await t.test('a file in a thousand pieces is read whole, from any place', async (t) => {
  const image = join(place.dir, 'pieces');
  await makeFat(image, ['-F', '16', '-s', '1'], 8192);
  const cluster = join(place.dir, 'cluster');
  await writeFile(cluster, randomBytes(512));
  await mtool(image, 'mmd', ['::fill']);
  const fill = join(place.dir, 'fill');
  await mkdir(fill);
  for (let i = 0; i < 2000; i += 1) await writeFile(join(fill, `f${i}`), randomBytes(512));
  const numbers = Array.from({ length: 2000 }, (_, i) => i);
  await mtool(image, 'mcopy', [...numbers.map((i) => join(fill, `f${i}`)), '::fill/']);
  await mtool(
    image,
    'mdel',
    numbers.filter((i) => i % 2 === 0).map((i) => `::fill/f${i}`),
  );
  const free = Number(
    /([\d ]+) bytes free/.exec(await mtool(image, 'mdir', ['::']))?.[1]?.replaceAll(' ', ''),
  );
  const content = randomBytes(free - 4096);
  const big = join(place.dir, 'big');
  await writeFile(big, content);
  await mtool(image, 'mcopy', [big, '::big']);
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  const opened = await (await openFat(device)).open('/BIG');
  if (!opened.ok) throw new Error(opened.refusal.sentence);
  t.equal(await hashOf(opened.value), sha256(content));
  const piece = new Uint8Array(5000);
  for (const at of [content.length - 5000, 1_000_003, 700_000, 513, 0, 999_999]) {
    t.equal(await opened.value.read(at, piece), 5000);
    t.ok(Buffer.from(piece).equals(content.subarray(at, at + 5000)), `from byte ${at}`);
  }
  t.equal(await opened.value.read(content.length - 10, piece), 10, 'short at the end');
  t.equal(await opened.value.read(content.length + 10, piece), 0, 'nothing after it');
  await device.close();
});

await t.test(
  'names are found in any case, and by their short form; what is not there is refused',
  async (t) => {
    const image = join(place.dir, 'names');
    await makeFat(image, [], 1440);
    await mtool(image, 'mmd', ['::A Long Directory']);
    await mtool(image, 'mcopy', [join(root, 'small.txt'), '::A Long Directory/Straße.txt']);
    const device = await openFileDevice(image, { name: 'disk0', writable: false });
    const fs = await openFat(device);
    for (const path of [
      '/A Long Directory/Straße.txt',
      '/a long directory/STRAßE.TXT',
      '/ALONGD~1/straße.txt',
    ]) {
      t.equal((await fs.stat(path, true)).ok, true, path);
    }
    t.match(await fs.stat('/A Long Directory/STRASSE.txt', true), { refusal: { code: 'NO_SUCH_FILE' } });
    t.match(await fs.stat('/none', true), { refusal: { code: 'NO_SUCH_FILE' } });
    t.match(await fs.list('/A Long Directory/Straße.txt'), { refusal: { code: 'NOT_A_DIRECTORY' } });
    t.match(await fs.stat('/A Long Directory/Straße.txt/x', true), { refusal: { code: 'NOT_A_DIRECTORY' } });
    t.match(await fs.open('/A Long Directory'), { refusal: { code: 'IS_A_DIRECTORY' } });
    t.match(await fs.stat('/', true), { value: { kind: 'directory' } });
    await device.close();
  },
);
