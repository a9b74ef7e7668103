import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { cutAtEveryWrite } from '../kit/cut-every-write.ts';
import { mtoolsBench, put } from '../kit/mtools-bench.ts';
import { noise } from '../kit/noise.ts';
import type { Files } from '../kit/power-cut-bench.ts';

const { directory, editor, stage, image, fsck } = await mtoolsBench();
t.teardown(() => directory.remove());

const OLD = noise(9_000, 1);
const NEW = noise(33_333, 2);
const content = await stage('new', NEW);

const TREE = ['/tree/a', '/tree/b/c', '/tree/b/a long name'];
const BEFORE: Files = new Map([
  ['/EFI/old file.efi', OLD],
  ['/EFI/new', undefined],
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
    name: 'put of a new file',
    edits: [put('/EFI/new', content)],
    after: changed(['/EFI/new', NEW]),
  },
  {
    name: 'put over a file',
    edits: [put('/EFI/old file.efi', content, true)],
    after: changed(['/EFI/old file.efi', NEW]),
  },
  {
    name: 'rm',
    edits: [{ edit: 'remove-file', path: '/EFI/old file.efi' }],
    after: changed(['/EFI/old file.efi', undefined]),
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
const FORMATS = [
  ['FAT16', ['-F', '16', '-s', '1'], 4200],
  ['FAT32', ['-F', '32', '-s', '1'], 34_000],
] as const;

let points = 0;
for (const [format, options, kib] of FORMATS) {
  for (const { name, edits, after } of CHANGES) {
    await t.test(`${format}: power cut at every write of ${name}: wholly old or wholly new`, async (t) => {
      const volume = await image(options, kib, [
        ['/EFI'],
        ['/EFI/old file.efi', OLD],
        ['/tree'],
        ['/tree/a', OLD],
        ['/tree/b'],
        ['/tree/b/c', OLD],
        ['/tree/b/a long name', OLD],
      ]);
      const cuts = await cutAtEveryWrite({
        type: 'vfat',
        volume,
        window: MiB,
        editor,
        edits,
        before: BEFORE,
        after,
        check: fsck,
      });
      t.ok(cuts.old > 0 && cuts.new > 0, 'both ends were reached');
      points += cuts.points;
      t.comment(`${format}, ${name}: ${cuts.figures}`);
    });
  }
}
t.comment(`figure: ${points} power cuts on FAT16 and FAT32, each wholly old or wholly new`);
await content.data.close();
