import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { MiB } from '../../src/base/index.ts';
import { Differential } from '../kit/differential.ts';
import { ASKED, randomRun } from '../kit/differential-run.ts';
import { makeExt4, run, sha256 } from '../kit/disk-tools.ts';
import { e2fsprogsBench, TIME } from '../kit/e2fsprogs-bench.ts';
import { kernelPeer } from '../kit/kernel-peer.ts';
import { debugfsTree } from '../kit/native-tree.ts';
import { noise } from '../kit/noise.ts';

const OPERATIONS = 25;
if (ASKED !== undefined) t.setTimeout(0);

interface Shape {
  readonly name: string;
  readonly type: 'ext2' | 'ext3' | 'ext4';
  readonly options: readonly string[];
  readonly mib: number;
  /** Files in one directory to begin with. */
  readonly crowd?: number;
  /** It is filled in every run. */
  readonly fills?: true;
  /** The last second that a file can have. */
  readonly latest?: number;
}

const SHAPES: readonly Shape[] = [
  { name: 'ext4, 4 KiB blocks', type: 'ext4', options: ['-b', '4096', '-N', '2048'], mib: 12, fills: true },
  { name: 'ext4, 1 KiB blocks', type: 'ext4', options: ['-b', '1024', '-N', '2048'], mib: 8 },
  {
    name: 'ext4 without checksums and 64 bits, small inodes',
    type: 'ext4',
    options: ['-b', '1024', '-N', '2048', '-I', '128', '-O', '^metadata_csum,^64bit'],
    mib: 8,
    latest: 2 ** 31 - 1,
  },
  {
    name: 'ext4, inline data',
    type: 'ext4',
    options: ['-b', '1024', '-N', '2048', '-O', 'inline_data'],
    mib: 8,
  },
  { name: 'ext3', type: 'ext3', options: ['-t', 'ext3', '-b', '1024', '-N', '2048'], mib: 8, fills: true },
  { name: 'ext2', type: 'ext2', options: ['-t', 'ext2', '-b', '4096', '-N', '2048'], mib: 12 },
  {
    name: 'ext4, a directory of many blocks with an index',
    type: 'ext4',
    options: ['-b', '1024', '-N', '4096'],
    mib: 24,
    crowd: 500,
  },
  {
    name: 'ext4, clusters of 16 KiB',
    type: 'ext4',
    options: ['-b', '4096', '-N', '2048', '-O', 'bigalloc', '-C', '16384'],
    mib: 16,
  },
];

const STEMS = [
  '',
  'readme',
  'Long name with blanks ',
  'Zünï 日本語 🌙',
  'x[1]*?',
  '"quoted"',
  "it's",
  'back\\slash',
  '<2>',
  '-rf',
  '~',
  '#x',
  'ع\u202eΔ',
  'l'.repeat(200),
];
const MODES = [0o644, 0o600, 0o4755, 0o755, 0o2750, 0, 0o444];
const OWNERS = [0, 1000, 70_000, 2 ** 31 + 7];
const TIMES = [1_600_000_000, 0, -1_000_000, 2 ** 31 - 1, 2 ** 31 + 5, 2 ** 32 + 5];

const bench = await e2fsprogsBench();
t.teardown(() => bench.directory.remove());
const dir = bench.directory.path;

/** Empty, of one byte, inline, of a block and around it, of indirect blocks, with holes. */
const SIZES = [0, 1, 60, 61, 150, 1023, 1024, 4096, 4097, 12_288, 12_289, 49_153, 300_000];
const holey = new Uint8Array(100_000);
holey.set(noise(3000, 99), 40_000);
const contents = [...SIZES.map((size, i) => noise(size, i)), holey, noise(98_304, 77), noise(1_000_000, 78)];
const [PIECE, LARGE] = [contents.length - 2, contents.length - 1];
const staged = await Promise.all(
  contents.map(async (content, i) => ({
    size: content.byteLength,
    sha256: sha256(content),
    staged: await bench.stage(`content${i}`, content),
  })),
);

/** What each volume has to begin with: links of both kinds, a pipe, and a crowd where there is one. */
async function fill(tree: string, crowd: number): Promise<void> {
  await mkdir(join(tree, 'old/deep/deeper'), { recursive: true });
  for (const name of ['old/a', 'old/deep/b']) await writeFile(join(tree, name), name.repeat(500));
  await link(join(tree, 'old/a'), join(tree, 'old/deep/a again'));
  await link(join(tree, 'old/a'), join(tree, 'a too'));
  await symlink('../a', join(tree, 'old/deep/short'));
  await symlink(`/${'far/'.repeat(40)}`, join(tree, 'old/long'));
  await promisify(execFile)('mkfifo', [join(tree, 'old/pipe')]);
  if (crowd === 0) return;
  await mkdir(join(tree, 'crowd'));
  for (let i = 0; i < crowd; i += 1)
    await writeFile(join(tree, `crowd/file number ${i}`), i % 5 === 0 ? 'x' : '');
}

async function extentsOf(image: string, path: string): Promise<readonly string[]> {
  const said = await run('debugfs', ['-R', `stat "${path}"`, image]);
  return said.match(/^\(.*$/m)?.[0].match(/\(\d[\d-]*\)/g) ?? [];
}

async function freeBytes(image: string): Promise<number> {
  const said = await run('dumpe2fs', ['-h', image]);
  return Number(/Free blocks: +(\d+)/.exec(said)?.[1]) * Number(/Block size: +(\d+)/.exec(said)?.[1]);
}

for (const { name, type, options, mib, crowd = 0, fills, latest = 2 ** 33 } of SHAPES) {
  await t.test(`${name}: random operations leave what the kernel or a model of them has`, async (t) => {
    if (ASKED !== undefined) t.setTimeout(0);
    const at = await mkdtemp(join(dir, 'volume-'));
    const [ours, theirs, tree] = [join(at, 'ours'), join(at, 'theirs'), join(at, 'tree')];
    await mkdir(tree);
    await fill(tree, crowd);
    for (const path of [ours, theirs])
      await makeExt4({ path, size: mib * MiB, options, content: tree, indexed: crowd > 0 });
    const device = await openFileDevice(ours, { name: 'disk0', writable: true });
    const kernel = await kernelPeer(theirs, join(at, 'mount'), contents);
    t.teardown(async () => {
      await kernel?.end();
      await device.close();
      await rm(at, { recursive: true });
    });
    const begun = await Differential.begin({
      type,
      image: ours,
      device,
      editor: bench.editor,
      contents: staged,
      time: TIME,
      keeps: { owners: true, directoryTimes: true },
      native: (image) => debugfsTree(image, at),
      check: async (image) => void (await run('e2fsck', ['-f', '-n', image])),
      ...(kernel === undefined ? {} : { peer: kernel }),
    });
    const times = TIMES.filter((time) => time <= latest);
    await randomRun(
      begun,
      {
        operations: Number(ASKED ?? OPERATIONS),
        seed: mib + name.length,
        contents: staged,
        facts: {
          stems: STEMS,
          contents: staged.slice(0, PIECE),
          caseless: false,
          room: mib * MiB * 0.5,
          names: 300 + crowd,
          depth: 14,
        },
        attributes: (pick) => ({
          mode: pick(MODES),
          uid: pick(OWNERS),
          gid: pick(OWNERS),
          mtime: pick(times),
        }),
        ...(fills === true || ASKED !== undefined
          ? {
              fragments: {
                content: PIECE,
                large: LARGE,
                free: () => freeBytes(ours),
                look: async (path) => {
                  const { length } = await extentsOf(ours, path);
                  t.ok(length > 3, `${path} lies in ${length} extents`);
                },
              },
            }
          : {}),
      },
      {
        compare: (when, trees) => {
          for (const { by, found, wanted } of trees) t.same(found, wanted, `${when}: ${by}`);
        },
        refused: (answer) => t.same(answer, { code: 'NO_SPACE', untouched: true }, 'what does not fit'),
      },
    );
    t.comment(
      `figure: ${name}: ${begun.operations} operations in ${begun.orders} orders, ${begun.model.nodes.size} names left, ` +
        `trees equal by ours, debugfs${kernel === undefined ? ' (no kernel mount here)' : ' and the kernel'}`,
    );
  });
}
