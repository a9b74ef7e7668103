import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { cutAtEveryWrite } from '../kit/cut-every-write.ts';
import { noise } from '../kit/noise.ts';
import { attributes, ntfsBench, put } from '../kit/ntfs-bench.ts';
import type { Files } from '../kit/power-cut-bench.ts';

const { directory, editor, stage, image, fsck } = await ntfsBench();
t.teardown(() => directory.remove());

const OLD = noise(9_000, 1);
const NEW = noise(33_333, 2);
const content = await stage('new', NEW);

const TREE = ['/tree/a', '/tree/b/c', '/tree/b/a long name'];
const BEFORE: Files = new Map([
  ['/Windows/old file.dll', OLD],
  ['/Windows/new', undefined],
  ['/made/new', undefined],
  ...TREE.map((path): [string, Uint8Array] => [path, OLD]),
]);
const changed = (...changes: [string, Uint8Array | undefined][]): Files => new Map([...BEFORE, ...changes]);

interface Change {
  readonly name: string;
  readonly edits: readonly VolumeEdit[];
  readonly after: Files;
}

const CHANGES: readonly Change[] = [
  {
    name: 'put over a file, and of a new one into a new directory',
    edits: [
      put('/windows/old file.dll', content, true),
      { edit: 'make-directory', path: '/made', attributes },
      put('/made/new', content),
    ],
    after: changed(['/Windows/old file.dll', NEW], ['/made/new', NEW]),
  },
  {
    name: 'rm -r',
    edits: [
      ...TREE.map((path): VolumeEdit => ({ edit: 'remove-file', path })),
      { edit: 'remove-directory', path: '/tree/b' },
      { edit: 'remove-directory', path: '/tree' },
    ],
    after: changed(...TREE.map((path): [string, undefined] => [path, undefined])),
  },
];

let points = 0;
for (const { name, edits, after } of CHANGES) {
  await t.test(`NTFS: power cut at every write of ${name}: wholly old or wholly new`, async (t) => {
    const volume = await image(
      2,
      async (root) => {
        for (const dir of ['Windows', 'tree/b']) await mkdir(join(root, dir), { recursive: true });
        for (const path of ['/Windows/old file.dll', ...TREE]) await writeFile(join(root, path), OLD);
      },
      ['-c', '512'],
    );
    const cuts = await cutAtEveryWrite({
      type: 'ntfs',
      volume,
      editor,
      edits,
      before: BEFORE,
      after,
      check: fsck,
    });
    t.ok(cuts.old > 0 && cuts.new > 0, 'both ends were reached');
    points += cuts.points;
    t.comment(`NTFS, ${name}: ${cuts.figures}`);
  });
}
t.comment(`figure: ${points} power cuts on NTFS, each wholly old or wholly new`);
await content.data.close();
