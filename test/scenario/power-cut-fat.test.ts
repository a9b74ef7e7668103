import { createHash } from 'node:crypto';
import t from 'tap';
import { allow, hasCode, MiB } from '../../src/base/index.ts';
import type { BlockDevice, StagedFile, VolumeEdit, VolumeEditor } from '../../src/ports/index.ts';
import { boundedDevice, changeVolume, openFileSystem, recoverRedoLogs } from '../../src/storage/index.ts';
import { grownDevice } from '../kit/grown-device.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { mtoolsBench, put, TIME } from '../kit/mtools-bench.ts';
import { noise } from '../kit/noise.ts';
import { PowerRail } from '../kit/power-cut.ts';
import { recordEditor } from '../kit/recorded-editor.ts';

const REDO_SIZE = MiB;
const START = 64 * 1024;
/** The part of a volume, from its beginning, in which all of this happens; behind it is nothing but zeros. */
const WINDOW = MiB;
const SEEDS = [1, 2];
const { signal } = new AbortController();

const { directory, editor: mtools, stage, image, fsck } = await mtoolsBench();
t.teardown(() => directory.remove());

const OLD = noise(9_000, 1);
const NEW = noise(33_333, 2);
const content = await stage('new', NEW);

/** For each path of interest its content, and undefined where it is not there. */
type Files = ReadonlyMap<string, Uint8Array | undefined>;

const TREE = ['/tree/a', '/tree/b/c', '/tree/b/a long name'];
const BEFORE: Files = new Map([
  ['/EFI/old file.efi', OLD],
  ['/EFI/new', undefined],
  ...TREE.map((path): [string, Uint8Array] => [path, OLD]),
]);
const changed = (...changes: [string, Uint8Array | undefined][]): Files => new Map([...BEFORE, ...changes]);

interface Change {
  readonly name: string;
  readonly edits: (staged: StagedFile) => readonly VolumeEdit[];
  readonly after: Files;
}

const CHANGES: readonly Change[] = [
  {
    name: 'put of a new file',
    edits: (staged) => [put('/EFI/new', staged)],
    after: changed(['/EFI/new', NEW]),
  },
  {
    name: 'put over a file',
    edits: (staged) => [put('/EFI/old file.efi', staged, true)],
    after: changed(['/EFI/old file.efi', NEW]),
  },
  {
    name: 'rm',
    edits: () => [{ edit: 'remove-file', path: '/EFI/old file.efi' }],
    after: changed(['/EFI/old file.efi', undefined]),
  },
  {
    name: 'rm -r',
    edits: () => [
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

class Bench {
  readonly #volume: Uint8Array;
  readonly #size: number;
  readonly #editor: VolumeEditor;
  readonly #change: Change;
  /** Verdicts by the hash of the volume: the same bytes are judged once. */
  readonly #judged = new Map<string, 'old' | 'new'>();
  readonly disk: MemoryDevice;
  readonly store = new MemoryState();

  constructor(volume: Uint8Array, editor: VolumeEditor, change: Change) {
    this.#volume = volume.subarray(0, WINDOW);
    this.#size = volume.byteLength;
    if (volume.subarray(WINDOW).some((byte) => byte !== 0)) throw new Error('the window is too small');
    this.#editor = editor;
    this.#change = change;
    this.disk = new MemoryDevice('disk0', START + WINDOW);
  }

  get volumesJudged(): number {
    return this.#judged.size;
  }

  async reset(): Promise<void> {
    this.disk.bytes.fill(0x5a);
    this.disk.bytes.set(this.#volume, START);
    await this.store.remove('redo.disk0');
  }

  #whole(rail: PowerRail): BlockDevice {
    return grownDevice(rail.wrap(this.disk), START + this.#size + 4096);
  }

  /** The device restarts with this power: the log is looked at first. */
  async recover(rail: PowerRail) {
    this.store.wrap = (device) => rail.wrap(device as MemoryDevice);
    return recoverRedoLogs(this.store, async () => this.#whole(rail), REDO_SIZE);
  }

  /** Makes the change with this power; false where the power went. */
  async change(rail: PowerRail): Promise<boolean> {
    this.store.wrap = (device) => rail.wrap(device as MemoryDevice);
    const disk = this.#whole(rail);
    return survives(async () => {
      const verdict = await changeVolume({
        disk: 'disk0',
        volumeName: 'disk0p1',
        volume: boundedDevice(disk, START, this.#size, 'disk0p1'),
        volumeStart: START,
        type: 'vfat',
        edits: this.#change.edits(content),
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
    if (this.disk.bytes.subarray(0, START).some((byte) => byte !== 0x5a))
      throw new Error('written outside the volume');
    const volume = this.disk.bytes.subarray(START);
    const hash = createHash('sha256').update(volume).digest('hex');
    const known = this.#judged.get(hash);
    if (known !== undefined) return known;
    const fault = await fsck(volume, this.#size);
    if (fault !== '') throw new Error(fault);
    const is = (await holds(volume, this.#size, BEFORE))
      ? 'old'
      : (await holds(volume, this.#size, this.#change.after))
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

async function holds(volume: Uint8Array, size: number, files: Files): Promise<boolean> {
  const fileSystem = await openFileSystem(grownDevice(new MemoryDevice('volume', volume), size), 'vfat');
  for (const [path, wanted] of files) {
    const opened = await fileSystem.open(path);
    if (!opened.ok || wanted === undefined) {
      if (opened.ok !== (wanted !== undefined)) return false;
      continue;
    }
    const there = new Uint8Array(wanted.byteLength + 1);
    let read = 0;
    for (let count = -1; count !== 0; read += count)
      count = await opened.value.read(read, there.subarray(read));
    if (!Buffer.from(there.subarray(0, read)).equals(Buffer.from(wanted))) return false;
  }
  return true;
}

async function makeBench(change: Change, options: readonly string[], kib: number): Promise<Bench> {
  const volume = await image(options, kib, [
    ['/EFI'],
    ['/EFI/old file.efi', OLD],
    ['/tree'],
    ['/tree/a', OLD],
    ['/tree/b'],
    ['/tree/b/c', OLD],
    ['/tree/b/a long name', OLD],
  ]);
  const editor = await recordEditor(volume, 'vfat', async (overlay) => {
    const edited = await mtools.edit(overlay, 'vfat', change.edits(content), TIME, signal);
    const checked = await mtools.check(overlay, 'vfat', signal);
    if (!edited.ok || !checked.ok) throw new Error('the change cannot be made at all');
  });
  return new Bench(volume, editor, change);
}

let points = 0;
for (const [format, options, kib] of FORMATS) {
  for (const change of CHANGES) {
    await t.test(
      `${format}: power cut at every write of ${change.name}: wholly old or wholly new`,
      async (t) => {
        const bench = await makeBench(change, options, kib);
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
              if (await survives(() => bench.recover(second)))
                throw new Error('the second cut did not happen');
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
          `${format}, ${change.name}: ${clean.events} cut points x ${SEEDS.length} seeds (${seen.old} old, ${seen.new} new), ` +
            `${inRecovery} more in recovery, ${bench.volumesJudged} different volumes judged, 100 % whole`,
        );
      },
    );
  }
}
t.comment(`figure: ${points} power cuts on FAT16 and FAT32, each wholly old or wholly new`);
await content.data.close();
