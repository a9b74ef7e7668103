import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { allow } from '../../src/base/index.ts';
import type { FileSystem, VolumeEdit } from '../../src/ports/index.ts';
import { changeVolume, openFileSystem } from '../../src/storage/index.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { attributes, mtoolsBench, put, TIME } from '../kit/mtools-bench.ts';
import { noise } from '../kit/noise.ts';
import { seededRandom } from '../kit/power-cut.ts';

/** Operations on each volume; NIGHTSHIFT_OPERATIONS asks for more. */
const OPERATIONS = Number(process.env.NIGHTSHIFT_OPERATIONS ?? 80);
/** In one order, which is one effect: as many as this. */
const MOST_AT_ONCE = 12;
const SEED = Number(process.env.NIGHTSHIFT_SEED ?? 6);
const VOLUMES = [
  ['FAT12', ['-F', '12', '-s', '4'], 4000],
  ['FAT16', ['-F', '16', '-s', '2'], 10_000],
  ['FAT32', ['-F', '32', '-s', '1'], 34_000],
] as const;

const run = promisify(execFile);
const bench = await mtoolsBench();
t.teardown(() => bench.directory.remove());
const { signal } = new AbortController();

/** What is to be there: files with the number of their content, directories with none. */
type Model = Map<string, number | undefined>;

const STEMS = [
  'a',
  'B',
  'readme',
  'Long name with blanks',
  'Zünï',
  'x.y.z',
  'x[1]',
  'KERNEL.IMG',
  'data',
  'Δ',
];

type Operation = Exclude<VolumeEdit['edit'], 'make-symlink' | 'make-link'>;

/** One more operation that fits the model, done to it; undefined where none of this kind fits. */
function operation(
  model: Model,
  random: () => number,
): { edit: Operation; path: string; content?: number } | undefined {
  const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(random() * of.length)];
  const directories = [
    '',
    ...[...model].filter(([, content]) => content === undefined).map(([path]) => path),
  ];
  const files = [...model].filter(([, content]) => content !== undefined).map(([path]) => path);
  const content = Math.floor(random() * 20);
  const what = random();
  if (what < 0.45) {
    const name = `${pick(STEMS)}${Math.floor(random() * 8)}`;
    const path = `${pick(directories)}/${name}`;
    const taken = [...model.keys()].some((there) => there.toLowerCase() === path.toLowerCase());
    if (taken || path.split('/').length > 5) return undefined;
    if (what < 0.12) {
      model.set(path, undefined);
      return { edit: 'make-directory', path };
    }
    model.set(path, content);
    return { edit: 'put-file', path, content };
  }
  if (what < 0.65) {
    const path = pick(files);
    if (path === undefined) return undefined;
    model.set(path, content);
    return { edit: 'put-file', path, content };
  }
  const path = what < 0.93 ? pick(files) : pick(directories.slice(1));
  if (path === undefined || [...model.keys()].some((there) => there.startsWith(`${path}/`))) return undefined;
  const edit = model.get(path) === undefined ? 'remove-directory' : 'remove-file';
  model.delete(path);
  return { edit, path };
}

/** Everything on a volume, by our reader: directories with "", files with their content. */
async function treeOf(fs: FileSystem, top = ''): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  const listed = await fs.list(top === '' ? '/' : top);
  if (!listed.ok) throw new Error(listed.refusal.sentence);
  for await (const { name, kind } of listed.value) {
    const path = `${top}/${name}`;
    if (kind === 'directory') {
      tree.set(path, '');
      for (const [below, content] of await treeOf(fs, path)) tree.set(below, content);
      continue;
    }
    const opened = await fs.open(path);
    if (!opened.ok) throw new Error(opened.refusal.sentence);
    const bytes = new Uint8Array(opened.value.stat.size);
    for (let at = 0; at < bytes.byteLength; ) at += await opened.value.read(at, bytes.subarray(at));
    tree.set(path, Buffer.from(bytes).toString('base64'));
  }
  return tree;
}

const contents = Array.from({ length: 20 }, (_, i) => noise((i * 977) % 7000, i));
const staged = await Promise.all(contents.map((content, i) => bench.stage(`content${i}`, content)));
const sources = await Promise.all(
  contents.map(async (content, i) => {
    const path = join(bench.directory.path, `source${i}`);
    await writeFile(path, content);
    return path;
  }),
);

/** The same by mtools alone, straight on the volume. */
async function byMtools(
  image: string,
  { edit, path, content }: { edit: Operation; path: string; content?: number },
) {
  const there = `::${path.replaceAll('[', '[[]')}`;
  const cut = path.lastIndexOf('/');
  const fresh = `::${path.slice(0, cut).replaceAll('[', '[[]')}${path.slice(cut)}`;
  if (edit === 'make-directory') await mtool(image, 'mmd', [fresh]);
  else if (edit === 'remove-file') await mtool(image, 'mdel', [there]);
  else if (edit === 'remove-directory') await mtool(image, 'mrd', [there]);
  else {
    await mtool(image, 'mdel', [there]).catch(() => undefined);
    await mtool(image, 'mcopy', [sources[content ?? 0]!, fresh]);
  }
}

for (const [name, options, kib] of VOLUMES) {
  await t.test(
    `${name}: random operations through the whole path and by mtools leave the same`,
    async (t) => {
      const [ours, theirs] = [
        join(bench.directory.path, `${name}.ours`),
        join(bench.directory.path, `${name}.theirs`),
      ];
      await makeFat(ours, options, kib);
      await makeFat(theirs, options, kib);
      const device = await openFileDevice(ours, { name: 'disk0', writable: true });
      const random = seededRandom(SEED + kib);
      const model: Model = new Map();
      const store = new MemoryState(256 * 1024 * 1024);
      let done = 0;
      for (let orders = 0; done < OPERATIONS; orders += 1) {
        const before: Model = new Map(model);
        const operations: { edit: Operation; path: string; content?: number }[] = [];
        const most = 1 + Math.floor(random() * MOST_AT_ONCE);
        // An order names each path once, as all that are planned do.
        for (let tries = 0; operations.length < most && tries < 60; tries += 1) {
          const kept: Model = new Map(model);
          const next = operation(model, random);
          if (next === undefined) continue;
          if (operations.some(({ path }) => path.toLowerCase() === next.path.toLowerCase())) {
            model.clear();
            for (const [path, content] of kept) model.set(path, content);
          } else operations.push(next);
        }
        const edits = operations.map(({ edit, path, content }): VolumeEdit => {
          if (edit === 'put-file') return put(path, staged[content ?? 0]!, before.has(path));
          return edit === 'make-directory' ? { edit, path, attributes } : { edit, path };
        });
        const made = await changeVolume({
          disk: 'disk0',
          volumeName: 'disk0',
          volume: device,
          volumeStart: 0,
          type: 'vfat',
          edits,
          editor: bench.editor,
          store,
          replay: false,
          dryRun: false,
          time: TIME,
          signal,
          beforeCommit: async () => allow(undefined),
        });
        if (!made.ok) throw new Error(`seed ${SEED}, order ${orders}: ${made.refusal.sentence}`);
        for (const each of operations) await byMtools(theirs, each);
        done += operations.length;
      }
      const wanted = new Map(
        [...model].map(([path, content]): [string, string] => [
          path,
          content === undefined ? '' : Buffer.from(contents[content]!).toString('base64'),
        ]),
      );
      const tree = await treeOf(await openFileSystem(device, 'vfat'));
      await device.close();
      const other = await openFileDevice(theirs, { name: 'disk1', writable: false });
      const otherTree = await treeOf(await openFileSystem(other, 'vfat'));
      await other.close();
      t.same(tree, wanted, 'what was ordered is there, and nothing else');
      t.same(otherTree, wanted);
      for (const image of [ours, theirs])
        await run('fsck.fat', ['-n', image], { env: { PATH: '/usr/sbin:/sbin:/usr/bin' } });
      t.ok((await readFile(ours)).byteLength === kib * 1024);
      t.comment(
        `figure: ${name}: ${done} random operations, ${model.size} files and directories left, trees equal`,
      );
    },
  );
}
