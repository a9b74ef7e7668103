import { mkdtemp, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { Differential } from '../kit/differential.ts';
import { ASKED, randomRun } from '../kit/differential-run.ts';
import { run, sha256 } from '../kit/disk-tools.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';
import { mtoolsBench, TIME } from '../kit/mtools-bench.ts';
import { mtoolsPeer } from '../kit/mtools-peer.ts';
import { mcopyTree } from '../kit/native-tree.ts';
import { noise } from '../kit/noise.ts';

const OPERATIONS = 32;
if (ASKED !== undefined) t.setTimeout(0);

const SHAPES = [
  { name: 'FAT12', options: ['-F', '12', '-s', '4'], kib: 4000, fills: true },
  { name: 'FAT16', options: ['-F', '16', '-s', '2'], kib: 10_000, fills: false },
  { name: 'FAT32', options: ['-F', '32', '-s', '1'], kib: 34_000, fills: false },
] as const;

const STEMS = [
  '',
  'readme',
  'Long name with blanks in it',
  'Zünï 日本語',
  'x.y.z',
  'x[1]',
  'KERNEL.IMG',
  "it's",
  'Δ%$#@!~',
  '~1',
  '.hidden',
  'l'.repeat(200),
];
/** Even seconds, from 1980 to 2107. */
const TIMES = [1_600_000_000, 315_619_200, 1_000_000_000, 4_000_000_000];

const bench = await mtoolsBench();
t.teardown(() => bench.directory.remove());

const SIZES = [0, 1, 511, 512, 513, 2048, 7000, 40_000, 200_000];
const contents = [...SIZES.map((size, i) => noise(size, i)), noise(150_000, 77), noise(900_000, 78)];
const [PIECE, LARGE] = [contents.length - 2, contents.length - 1];
const staged = await Promise.all(
  contents.map(async (content, i) => ({
    size: content.byteLength,
    sha256: sha256(content),
    staged: await bench.stage(`content${i}`, content),
  })),
);

async function freeBytes(image: string): Promise<number> {
  const said = await mtool(image, 'mdir', ['::/']);
  return Number(/([\d ]+) bytes free/.exec(said)?.[1]?.replaceAll(' ', ''));
}

for (const { name, options, kib, fills } of SHAPES) {
  await t.test(
    `${name}: random operations through the whole path and by mtools leave the same`,
    async (t) => {
      if (ASKED !== undefined) t.setTimeout(0);
      const at = await mkdtemp(join(bench.directory.path, 'volume-'));
      const [ours, theirs] = [join(at, 'ours'), join(at, 'theirs')];
      for (const path of [ours, theirs]) await makeFat(path, options, kib);
      const device = await openFileDevice(ours, { name: 'disk0', writable: true });
      t.teardown(() => device.close());
      const begun = await Differential.begin({
        type: 'vfat',
        image: ours,
        device,
        editor: bench.editor,
        contents: staged,
        time: TIME,
        keeps: { owners: false, directoryTimes: false },
        native: (image) => mcopyTree(image, at),
        check: async (image) => void (await run('fsck.fat', ['-n', image])),
        peer: mtoolsPeer(theirs, at, contents),
      });
      await randomRun(
        begun,
        {
          operations: Number(ASKED ?? OPERATIONS),
          seed: kib,
          contents: staged,
          facts: {
            stems: STEMS,
            contents: staged.slice(0, PIECE),
            caseless: true,
            room: kib * 1024 * 0.5,
            names: 300,
            depth: 10,
          },
          attributes: (pick) => ({
            mode: pick([0o644, 0o644, 0o644, 0o444]),
            uid: 0,
            gid: 0,
            mtime: pick(TIMES),
          }),
          ...(fills || ASKED !== undefined
            ? {
                fragments: {
                  content: PIECE,
                  large: LARGE,
                  free: () => freeBytes(ours),
                  look: async (path) => {
                    const said = await mtool(ours, 'mshowfat', [`::${path}`]);
                    const { length } = said.match(/<\d+-?\d*>/g) ?? [];
                    t.ok((length ?? 0) > 3, `${path} lies in ${length} runs`);
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
      await run('fsck.fat', ['-n', theirs]);
      t.equal((await stat(ours)).size, kib * 1024);
      t.comment(
        `figure: ${name}: ${begun.operations} operations in ${begun.orders} orders, ${begun.model.nodes.size} names left, ` +
          'trees equal by ours and mtools, and on the volume of mtools',
      );
    },
  );
}
