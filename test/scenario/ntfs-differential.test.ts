import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { checkNtfs } from '../../src/storage/index.ts';
import { Differential } from '../kit/differential.ts';
import { ASKED, randomRun } from '../kit/differential-run.ts';
import { run, sha256 } from '../kit/disk-tools.ts';
import { directoryTree } from '../kit/native-tree.ts';
import { noise } from '../kit/noise.ts';
import { ntfsBench, TIME } from '../kit/ntfs-bench.ts';
import { makeNtfs, withNtfs3g } from '../kit/ntfs-volume.ts';
import type { Tree } from '../kit/tree-model.ts';

const OPERATIONS = 30;
if (ASKED !== undefined) t.setTimeout(0);

const SHAPES = [
  { name: 'clusters of 4096 bytes', options: [], mib: 16, seed: 1, fills: false },
  { name: 'clusters of 512 bytes', options: ['-c', '512'], mib: 8, seed: 2, fills: true },
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
  'Δ%$#@!~ 🚀',
  '~1',
  '.hidden',
  'l'.repeat(200),
];
const TIMES = [1_600_000_000, 315_619_200, -2_000_000_000, 4_000_000_001];

const bench = await ntfsBench();
t.teardown(() => bench.directory.remove());

/** Small ones lie in their records, the largest of them only just. */
const SIZES = [0, 1, 511, 600, 700, 2048, 7000, 40_000, 200_000];
const contents = [...SIZES.map((size, i) => noise(size, i)), noise(250_000, 77), noise(2_500_000, 78)];
const [PIECE, LARGE] = [contents.length - 2, contents.length - 1];
const staged = await Promise.all(
  contents.map(async (content, i) => ({
    size: content.byteLength,
    sha256: sha256(content),
    staged: await bench.stage(`content${i}`, content),
  })),
);

async function freeBytes(image: string): Promise<number> {
  const said = await run('ntfsinfo', ['-m', '-f', image]);
  return Number(/Free Clusters: (\d+)/.exec(said)?.[1]) * Number(/Cluster Size: (\d+)/.exec(said)?.[1]);
}

/** ntfs-3g shows the mark of Windows as an attribute alone. */
async function readOnlyBelow(root: string): Promise<string[]> {
  const said = await run('getfattr', [
    '-R',
    '-h',
    '--absolute-names',
    '-e',
    'hex',
    '-n',
    'system.ntfs_attrib',
    root,
  ]);
  const marked = [...said.matchAll(/^# file: (.*)\nsystem.ntfs_attrib=0x(..)/gm)];
  return marked.flatMap(([, path = '', low = '']) =>
    (Number.parseInt(low, 16) & 1) === 0 ? [] : [path.slice(root.length)],
  );
}

for (const { name, options, mib, seed, fills } of SHAPES) {
  await t.test(
    `NTFS, ${name}: random operations through the whole path leave what ntfs-3g and our reader find`,
    async (t) => {
      if (ASKED !== undefined) t.setTimeout(0);
      const at = await mkdtemp(join(bench.directory.path, 'volume-'));
      const image = join(at, 'image');
      await makeNtfs(image, mib, options);
      const device = await openFileDevice(image, { name: 'disk0', writable: true });
      t.teardown(() => device.close());
      const native = async (path: string): Promise<Tree> => {
        let tree: Tree = new Map();
        await withNtfs3g(path, join(at, 'mount'), async (root) => {
          tree = await directoryTree(root);
          for (const path of await readOnlyBelow(root)) tree.set(path, { ...tree.get(path)!, mode: 0o444 });
        });
        return tree;
      };
      const begun = await Differential.begin({
        type: 'ntfs',
        image,
        device,
        editor: bench.editor,
        contents: staged,
        time: TIME,
        keeps: { owners: false, directoryTimes: false },
        native,
        check: async (path) => {
          await run('ntfsfix', ['-n', path]);
          await run('ntfsresize', ['--check', '--force', '--no-progress-bar', path]);
          t.equal(await checkNtfs(device, new AbortController().signal), undefined);
        },
      });
      await randomRun(
        begun,
        {
          operations: Number(ASKED ?? OPERATIONS),
          seed,
          contents: staged,
          facts: {
            stems: STEMS,
            contents: staged.slice(0, PIECE),
            caseless: true,
            room: mib * 1024 * 1024 * 0.4,
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
                  free: () => freeBytes(image),
                  look: async (path) => {
                    const said = await run('ntfscluster', ['-f', '-F', path, image]);
                    const runs = said.match(/^ +\d+ +\d+ +\d+$/gm)?.length ?? 0;
                    t.ok(runs > 1, `${path} lies in ${runs} runs`);
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
        `figure: NTFS, ${name}: ${begun.operations} operations in ${begun.orders} orders, ${begun.model.nodes.size} names left, ` +
          'trees equal by our reader and ntfs-3g',
      );
    },
  );
}
for (const { staged: each } of staged) await each.data.close();
