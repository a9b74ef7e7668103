import { createHash } from 'node:crypto';
import { allow, hasCode, MiB } from '../../src/base/index.ts';
import type { BlockDevice, VolumeEdit, VolumeEditor } from '../../src/ports/index.ts';
import { boundedDevice, changeVolume, openFileSystem, recoverRedoLogs } from '../../src/storage/index.ts';
import { grownDevice } from './grown-device.ts';
import { MemoryDevice } from './memory-device.ts';
import { MemoryState } from './memory-state.ts';
import type { PowerRail } from './power-cut.ts';
import { recordEditor } from './recorded-editor.ts';

const TIME = 1_700_000_000;
const REDO_SIZE = MiB;
/** The volume does not begin at the disk's first byte, and does not end at its last. */
const START = 64 * 1024;
const BEHIND = 4096;
const { signal } = new AbortController();

/** For each path of interest its content, and undefined where it is not there. */
export type Files = ReadonlyMap<string, Uint8Array | undefined>;

/** One change of one volume, and how it is told whether it was made. */
export interface CutCase {
  readonly type: string;
  readonly volume: Uint8Array;
  /** Bytes from the volume's beginning in which all of this happens, where behind them there is nothing but zeros. */
  readonly window?: number;
  /** Makes the change once, in earnest; each power cut repeats what it wrote. */
  readonly editor: VolumeEditor;
  readonly edits: readonly VolumeEdit[];
  readonly before: Files;
  readonly after: Files;
  /** What a checker that is not ours says of a volume with zeros behind it up to `size`: empty where it finds no fault. */
  readonly check: (volume: Uint8Array, size: number) => Promise<string>;
}

export class PowerCutBench {
  readonly #case: CutCase;
  readonly #editor: VolumeEditor;
  /** What is kept of the volume, and how large it is said to be. */
  readonly #kept: Uint8Array;
  readonly #size: number;
  /** Verdicts by the hash of the volume: the same bytes are judged once. */
  readonly #judged = new Map<string, 'old' | 'new'>();
  readonly disk: MemoryDevice;
  readonly store = new MemoryState();

  private constructor(theCase: CutCase, editor: VolumeEditor) {
    this.#case = theCase;
    this.#editor = editor;
    this.#size = theCase.volume.byteLength;
    this.#kept = theCase.volume.subarray(0, theCase.window);
    if (theCase.volume.subarray(this.#kept.byteLength).some((byte) => byte !== 0))
      throw new Error('the window is too small');
    const behind = this.#kept.byteLength === this.#size ? BEHIND : 0;
    this.disk = new MemoryDevice('disk0', START + this.#kept.byteLength + behind);
  }

  static async make(theCase: CutCase): Promise<PowerCutBench> {
    const { volume, type, editor, edits } = theCase;
    const recorded = await recordEditor(volume, type, async (overlay) => {
      const edited = await editor.edit(overlay, type, edits, TIME, signal);
      const checked = await editor.check(overlay, type, signal);
      if (!edited.ok || !checked.ok) throw new Error('the change cannot be made at all');
    });
    return new PowerCutBench(theCase, recorded);
  }

  get volumesJudged(): number {
    return this.#judged.size;
  }

  /** What own storage holds of the redo log, live, whatever its power. */
  async log(): Promise<Uint8Array> {
    this.store.wrap = (device) => device;
    return ((await this.store.region('redo.disk0', REDO_SIZE)) as MemoryDevice).bytes;
  }

  async reset(): Promise<void> {
    this.disk.bytes.fill(0x5a);
    this.disk.bytes.set(this.#kept, START);
    await this.store.remove('redo.disk0');
  }

  #whole(rail: PowerRail): BlockDevice {
    const disk = rail.wrap(this.disk);
    return this.#kept.byteLength === this.#size ? disk : grownDevice(disk, START + this.#size + BEHIND);
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
        type: this.#case.type,
        edits: this.#case.edits,
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
    const end = START + this.#kept.byteLength;
    const edge = [this.disk.bytes.subarray(0, START), this.disk.bytes.subarray(end)];
    if (edge.some((bytes) => bytes.some((byte) => byte !== 0x5a)))
      throw new Error('written outside the volume');
    const volume = this.disk.bytes.subarray(START, end);
    const hash = createHash('sha256').update(volume).digest('hex');
    const known = this.#judged.get(hash);
    if (known !== undefined) return known;
    const fault = await this.#case.check(volume, this.#size);
    if (fault !== '') throw new Error(fault);
    const is = (await this.#holds(volume, this.#case.before))
      ? 'old'
      : (await this.#holds(volume, this.#case.after))
        ? 'new'
        : 'torn';
    if (is === 'torn') throw new Error('neither wholly old nor wholly new');
    this.#judged.set(hash, is);
    return is;
  }

  async #holds(volume: Uint8Array, files: Files): Promise<boolean> {
    const device = grownDevice(new MemoryDevice('volume', volume), this.#size);
    const fileSystem = await openFileSystem(device, this.#case.type);
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
}

/** False where the work's power went; what else it throws is thrown. */
export async function survives(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (hasCode(error, 'NS_POWER_CUT')) return false;
    throw error;
  }
}
