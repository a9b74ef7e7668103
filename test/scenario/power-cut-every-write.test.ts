import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { openE2fsprogs } from '../../src/adapters/e2fsprogs/e2fsprogs.ts';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { allow, hasCode, MiB } from '../../src/base/index.ts';
import type { StagedFile, VolumeEdit, VolumeEditor } from '../../src/ports/index.ts';
import { boundedDevice, changeVolume, openExt4, recoverRedoLogs } from '../../src/storage/index.ts';
import { e2fsck, ext4Image, temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { noise } from '../kit/noise.ts';
import { PowerRail } from '../kit/power-cut.ts';
import { recordEditor } from '../kit/recorded-editor.ts';

const TIME = 1_700_000_000;
const REDO_SIZE = MiB;
/** The volume does not begin at the disk's first byte, and does not end at its last. */
const START = 64 * 1024;
const SEEDS = [1, 2];
const { signal } = new AbortController();

const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
const staging = await openFileStateStore(join(directory.path, 'state'));
const e2fsprogs = await openE2fsprogs({
  stagedPath: (name) => staging.pathOf(name),
  directory: join(directory.path, 'work'),
});

const OLD = noise(9_000, 1);
const NEW = noise(33_333, 2);
const content = await staging.stagedFile('new', NEW.byteLength);
await content.data.write(0, NEW);
await content.data.flush();

/** For each path of interest its content, and undefined where it is not there. */
type Files = ReadonlyMap<string, Uint8Array | undefined>;

interface Case {
  readonly name: string;
  readonly edits: (staged: StagedFile) => readonly VolumeEdit[];
  readonly after: Files;
  readonly blockSize: 1024 | 4096;
}

const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 1_690_000_000 };
const TREE = ['/tree/a', '/tree/b/c', '/tree/b/d'];
const BEFORE: Files = new Map([
  ['/etc/old', OLD],
  ['/etc/new', undefined],
  ...TREE.map((path): [string, Uint8Array] => [path, OLD]),
]);
const changed = (...changes: [string, Uint8Array | undefined][]): Files => new Map([...BEFORE, ...changes]);
const put =
  (path: string, replace: boolean) =>
  (staged: StagedFile): VolumeEdit[] => [{ edit: 'put-file', path, content: staged, attributes, replace }];
const CASES: readonly Case[] = [
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
    name: 'rm',
    edits: () => [{ edit: 'remove-file', path: '/etc/old' }],
    after: changed(['/etc/old', undefined]),
    blockSize: 1024,
  },
  {
    name: 'rm -r',
    edits: () => [
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

class Bench {
  readonly #volume: Uint8Array;
  readonly #editor: VolumeEditor;
  readonly #case: Case;
  /** Verdicts by the hash of the volume: the same bytes are judged once. */
  readonly #judged = new Map<string, 'old' | 'new'>();
  readonly disk: MemoryDevice;
  readonly store = new MemoryState();

  constructor(volume: Uint8Array, editor: VolumeEditor, theCase: Case) {
    this.#volume = volume;
    this.#editor = editor;
    this.#case = theCase;
    this.disk = new MemoryDevice('disk0', START + volume.byteLength + 4096);
  }

  get volumesJudged(): number {
    return this.#judged.size;
  }

  async reset(): Promise<void> {
    this.disk.bytes.fill(0x5a);
    this.disk.bytes.set(this.#volume, START);
    await this.store.remove('redo.disk0');
  }

  /** The device restarts with this power: the log is looked at first. */
  async recover(rail: PowerRail) {
    this.store.wrap = (device) => rail.wrap(device as MemoryDevice);
    return recoverRedoLogs(this.store, async () => rail.wrap(this.disk), REDO_SIZE);
  }

  /** Makes the change with this power; false where the power went. */
  async change(rail: PowerRail): Promise<boolean> {
    this.store.wrap = (device) => rail.wrap(device as MemoryDevice);
    const disk = rail.wrap(this.disk);
    return survives(async () => {
      const verdict = await changeVolume({
        disk: 'disk0',
        volumeName: 'disk0p1',
        volume: boundedDevice(disk, START, this.#volume.byteLength, 'disk0p1'),
        volumeStart: START,
        type: 'ext4',
        edits: this.#case.edits(content),
        editor: this.#editor,
        store: this.store,
        replay: false,
        dryRun: false,
        time: TIME,
        signal,
        beforeCommit: async () => allow(undefined),
        memoryLimit: 64 * MiB,
        redoSize: REDO_SIZE,
      });
      if (!verdict.ok) throw new Error(verdict.refusal.sentence);
    });
  }

  /** Old or new, and nothing between; throws where the volume is neither or has a fault. */
  async judge(): Promise<'old' | 'new'> {
    const edge = [
      this.disk.bytes.subarray(0, START),
      this.disk.bytes.subarray(START + this.#volume.byteLength),
    ];
    if (edge.some((bytes) => bytes.some((byte) => byte !== 0x5a)))
      throw new Error('written outside the volume');
    const volume = this.disk.bytes.subarray(START, START + this.#volume.byteLength);
    const hash = createHash('sha256').update(volume).digest('hex');
    const known = this.#judged.get(hash);
    if (known !== undefined) return known;
    const { status, output } = await e2fsck(volume);
    if (status !== 0) throw new Error(`e2fsck: ${status}: ${output}`);
    const is = (await holds(volume, BEFORE))
      ? 'old'
      : (await holds(volume, this.#case.after))
        ? 'new'
        : 'torn';
    if (is === 'torn') throw new Error('neither wholly old nor wholly new');
    this.#judged.set(hash, is);
    return is;
  }
}

async function survives(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (hasCode(error, 'NS_POWER_CUT')) return false;
    throw error;
  }
}

async function holds(volume: Uint8Array, files: Files): Promise<boolean> {
  const fileSystem = await openExt4(new MemoryDevice('volume', volume));
  for (const [path, wanted] of files) {
    const opened = await fileSystem.open(path);
    if (!opened.ok || wanted === undefined) {
      if (opened.ok !== (wanted !== undefined)) return false;
      continue;
    }
    const there = new Uint8Array(wanted.byteLength + 1);
    let size = 0;
    for (let count = -1; count !== 0; size += count)
      count = await opened.value.read(size, there.subarray(size));
    if (!Buffer.from(there.subarray(0, size)).equals(Buffer.from(wanted))) return false;
  }
  return true;
}

async function makeBench(theCase: Case): Promise<Bench> {
  const volume = await makeVolume(theCase.blockSize);
  const editor = await recordEditor(volume, 'ext4', async (overlay) => {
    const edited = await e2fsprogs.edit(overlay, 'ext4', theCase.edits(content), TIME, signal);
    const checked = await e2fsprogs.check(overlay, 'ext4', signal);
    if (!edited.ok || !checked.ok) throw new Error('the change cannot be made at all');
  });
  return new Bench(volume, editor, theCase);
}

let points = 0;
for (const theCase of CASES) {
  await t.test(`power cut at every write of ${theCase.name}: wholly old or wholly new`, async (t) => {
    const bench = await makeBench(theCase);
    await bench.reset();
    const clean = new PowerRail();
    t.ok(await bench.change(clean));
    t.equal(await bench.judge(), 'new', 'without a cut the change is made');
    const seen = { old: 0, new: 0 };
    let inRecovery = 0;
    for (let cutAt = 1; cutAt <= clean.events; cutAt += 1) {
      for (const seed of SEEDS) {
        await bench.reset();
        const rail = new PowerRail({ cutAt, seed: seed * 10_000 + cutAt });
        if (await bench.change(rail)) throw new Error(`the cut at ${cutAt} did not happen`);
        const disk = bench.disk.bytes.slice();
        const log = await bench.store.region('redo.disk0', REDO_SIZE);
        const own = (log as unknown as { durable: MemoryDevice }).durable.bytes;
        const ownAfterCut = own.slice();
        const start = new PowerRail();
        const [recovery] = await bench.recover(start);
        const is = await bench.judge();
        if (recovery?.is === 'kept' || (recovery?.is === 'applied' && is !== 'new')) {
          throw new Error(`cut at ${cutAt}, seed ${seed}: ${recovery.is} and ${is}`);
        }
        seen[is] += 1;
        // The power goes again during the recovery, at each of its writes, and comes back for good.
        for (let again = 1; again <= start.events; again += 1) {
          bench.disk.bytes.set(disk);
          own.set(ownAfterCut);
          const second = new PowerRail({ cutAt: again, seed: seed + cutAt * 1000 + again });
          if (await survives(() => bench.recover(second))) throw new Error('the second cut did not happen');
          await bench.recover(new PowerRail());
          const then = await bench.judge();
          if (then !== is) throw new Error(`cut at ${cutAt}, again at ${again}: ${is} became ${then}`);
          inRecovery += 1;
        }
      }
    }
    t.ok(seen.old > 0 && seen.new > 0, 'both ends were reached');
    points += clean.events * SEEDS.length + inRecovery;
    t.comment(
      `${theCase.name}: ${clean.events} cut points x ${SEEDS.length} seeds (${seen.old} old, ${seen.new} new), ` +
        `${inRecovery} more in recovery, ${bench.volumesJudged} different volumes judged, 100 % whole`,
    );
  });
}
t.comment(`figure: ${points} power cuts, each wholly old or wholly new`);
await content.data.close();
