import t from 'tap';
import { allow, MiB, NsError } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { changeVolume, recoverRedoLogs } from '../../src/storage/index.ts';
import { cutAtEveryWrite } from '../kit/cut-every-write.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { mtoolsBench, put, TIME } from '../kit/mtools-bench.ts';
import { noise } from '../kit/noise.ts';
import type { Files } from '../kit/power-cut-bench.ts';

const { directory, editor, stage, image, fsck, dump } = await mtoolsBench();
t.teardown(() => directory.remove());

const OLD = noise(9_000, 1);
const NEW = noise(33_333, 2);
const content = await stage('new', NEW);
t.teardown(() => content.data.close());

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

await t.test(
  'a host that used the free space after the cut, and gave it back, gets no file of its leavings',
  async (t) => {
    const disk = new MemoryDevice('disk0', await image(['-F', '16', '-s', '1'], 4200, [['/EFI']]));
    const store = new MemoryState();
    let committing = false;
    const volume = {
      name: disk.name,
      capabilities: disk.capabilities,
      write: async (offset: number, data: Uint8Array) => {
        if (committing) throw new NsError('NS_BLOCK_IO', 'the power is off');
        return disk.write(offset, data);
      },
      read: (offset: number, into: Uint8Array) => disk.read(offset, into),
      flush: () => disk.flush(),
      trim: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const change = changeVolume({
      disk: 'disk0',
      volumeName: 'disk0',
      volume,
      volumeStart: 0,
      type: 'vfat',
      edits: [put('/EFI/new', content)],
      editor,
      store,
      replay: false,
      dryRun: false,
      time: TIME,
      signal: new AbortController().signal,
      beforeCommit: async () => allow(undefined),
      critical: (work) => {
        committing = true;
        return work();
      },
    });
    await t.rejects(change, { code: 'NS_BLOCK_IO' });
    const at = Buffer.from(disk.bytes).indexOf(NEW.subarray(0, 512));
    t.ok(at > 0, 'the content lies in free space');
    disk.bytes.fill(0xaa, at, at + 512);
    const before = Buffer.from(disk.bytes);
    const [recovery] = await recoverRedoLogs(store, async () => disk);
    t.match(recovery, { is: 'kept', reason: /no longer on the disk/ });
    t.ok(before.equals(disk.bytes));
    disk.bytes.set(NEW.subarray(0, 512), at);
    t.match(await recoverRedoLogs(store, async () => disk), [{ is: 'applied' }]);
    t.same(await dump(disk.bytes, '/EFI/new'), NEW);
    t.equal(await fsck(disk.bytes), '');
  },
);

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
