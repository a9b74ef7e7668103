import t from 'tap';
import { MiB, utf8 } from '../../src/base/index.ts';
import type { VolumeEdit } from '../../src/ports/index.ts';
import { contentOf } from '../../src/tasks/file/archive-content.ts';
import { indexArchive } from '../../src/tasks/file/index-archive.ts';
import { ArchivePlan } from '../../src/transfer/index.ts';
import { cutAtEveryWrite } from '../kit/cut-every-write.ts';
import { e2fsprogsBench } from '../kit/e2fsprogs-bench.ts';
import { e2fsck, ext4Image } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';
import type { Files } from '../kit/power-cut-bench.ts';

const { directory, editor, stage } = await e2fsprogsBench();
t.teardown(() => directory.remove());

const OLD = noise(9_000, 1);
const NEW = noise(33_333, 2);
const content = await stage('new', NEW);

interface Change {
  readonly name: string;
  readonly edits: readonly VolumeEdit[];
  readonly after: Files;
  readonly blockSize: 1024 | 4096;
}

const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 1_690_000_000 };
const TREE = ['/tree/a', '/tree/b/c', '/tree/b/d'];
const BEFORE: Files = new Map([
  ['/etc/old', OLD],
  ['/etc/new', undefined],
  ['/srv/deep/whole', undefined],
  ['/srv/sparse', undefined],
  ...TREE.map((path): [string, Uint8Array] => [path, OLD]),
]);
const changed = (...changes: [string, Uint8Array | undefined][]): Files => new Map([...BEFORE, ...changes]);
const put = (path: string, replace: boolean): VolumeEdit[] => [
  { edit: 'put-file', path, content, attributes, replace },
];
/** As the order for a tree makes it: contents are slices of one archive. */
async function editsOfTree(): Promise<VolumeEdit[]> {
  const plan = new ArchivePlan();
  const at = { kind: 'file' as const, mode: 0o644, uid: 0, gid: 0, mtime: 1_690_000_000 };
  const sparse = [{ offset: 4096, length: 5000 }];
  plan.add({ ...at, path: utf8('whole'), size: NEW.byteLength });
  plan.add({ ...at, path: utf8('sparse'), size: NEW.byteLength, segments: sparse });
  const archive = new MemoryDevice('archive', plan.size);
  const fill = async (_index: number, offset: number, into: Uint8Array) => {
    into.set(NEW.subarray(offset, offset + into.byteLength));
  };
  await plan.read(0, archive.bytes, fill, new AbortController().signal);
  const entries = await indexArchive(archive, plan.size, new AbortController().signal);
  if (!entries.ok) throw new Error(entries.refusal.sentence);
  const [, whole, sparsely] = entries.value.map(({ held }) => contentOf(held, archive));
  if (whole === undefined || sparsely === undefined) throw new Error('no contents');
  const directory = { ...attributes, mode: 0o755 };
  return [
    { edit: 'make-directory', path: '/srv', attributes: directory },
    { edit: 'make-directory', path: '/srv/deep', attributes: directory },
    { edit: 'put-file', path: '/srv/deep/whole', content: whole, attributes, replace: false },
    { edit: 'put-file', path: '/srv/sparse', content: sparsely, attributes, replace: false },
    { edit: 'put-file', path: '/etc/old', content: whole, attributes, replace: true },
  ];
}
const SPARSE = new Uint8Array(NEW.byteLength);
SPARSE.set(NEW.subarray(4096, 9096), 4096);

const CHANGES: readonly Change[] = [
  {
    name: 'put of a new file',
    edits: put('/etc/new', false),
    after: changed(['/etc/new', NEW]),
    blockSize: 1024,
  },
  {
    name: 'put over a file',
    edits: put('/etc/old', true),
    after: changed(['/etc/old', NEW]),
    blockSize: 1024,
  },
  {
    name: 'put over a file, 4 KiB blocks',
    edits: put('/etc/old', true),
    after: changed(['/etc/old', NEW]),
    blockSize: 4096,
  },
  {
    name: 'put -r',
    edits: await editsOfTree(),
    after: changed(['/etc/old', NEW], ['/srv/deep/whole', NEW], ['/srv/sparse', SPARSE]),
    blockSize: 1024,
  },
  {
    name: 'rm',
    edits: [{ edit: 'remove-file', path: '/etc/old' }],
    after: changed(['/etc/old', undefined]),
    blockSize: 1024,
  },
  {
    name: 'rm -r',
    edits: [
      ...TREE.map((path): VolumeEdit => ({ edit: 'remove-file', path })),
      { edit: 'remove-directory', path: '/tree/b' },
      { edit: 'remove-directory', path: '/tree' },
    ],
    after: changed(...TREE.map((path): [string, undefined] => [path, undefined])),
    blockSize: 1024,
  },
];

async function makeVolume(blockSize: 1024 | 4096): Promise<Uint8Array> {
  return ext4Image({
    size: blockSize === 1024 ? 3 * MiB : 8 * MiB,
    mkfs: ['-b', String(blockSize), '-N', '64'],
    script: [
      'mkdir /etc',
      'write @0 /etc/old',
      'mkdir /tree',
      'write @0 /tree/a',
      'mkdir /tree/b',
      'write @0 /tree/b/c',
      'write @0 /tree/b/d',
    ],
    contents: [OLD],
  });
}

async function check(volume: Uint8Array): Promise<string> {
  const { status, output } = await e2fsck(volume);
  return status === 0 ? '' : `e2fsck: ${status}: ${output}`;
}

let points = 0;
for (const { name, edits, after, blockSize } of CHANGES) {
  await t.test(`power cut at every write of ${name}: wholly old or wholly new`, async (t) => {
    const volume = await makeVolume(blockSize);
    const cuts = await cutAtEveryWrite({ type: 'ext4', volume, editor, edits, before: BEFORE, after, check });
    t.ok(cuts.old > 0 && cuts.new > 0, 'both ends were reached');
    points += cuts.points;
    t.comment(`${name}: ${cuts.figures}`);
  });
}
t.comment(`figure: ${points} power cuts, each wholly old or wholly new`);
await content.data.close();
