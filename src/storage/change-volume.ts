import { allow, hasCode, KiB, MiB, refuse, type Verdict } from '../base/index.ts';
import type { BlockDevice, StateStore, VolumeEdit, VolumeEditor } from '../ports/index.ts';
import { type ChangeStep, commitEffect } from './commit-effect.ts';
import { type Effect, measureEffect } from './effect.ts';
import type { IsFree } from './free-blocks.ts';
import { Overlay } from './overlay.ts';
import { openRedoLog, SPILL_PREFIX, stillPending } from './redo-log.ts';
import { type WritableKind, writableKind } from './writable-kind.ts';

export interface VolumeChange {
  /** The disk's name, as in its redo log: "disk0". */
  readonly disk: string;
  readonly volumeName: string;
  /** The volume, bounded; written only once everything is measured, checked and logged. */
  readonly volume: BlockDevice;
  /** Bytes from the start of the disk to the volume. */
  readonly volumeStart: number;
  /** "ext4", "ext3", "ext2" or "vfat". */
  readonly type: string;
  readonly edits: readonly VolumeEdit[];
  readonly editor: VolumeEditor;
  readonly store: StateStore;
  /** Replay a dirty journal first, on the overlay. */
  readonly replay: boolean;
  /** Measure and check, and touch nothing. */
  readonly dryRun: boolean;
  /** The effect hash that a person approved; any other effect is refused. */
  readonly approvedEffect?: string | undefined;
  /** Whole seconds since 1970: the only time that gets into the filesystem. Taken from the order, so that doing it again gives the same effect. */
  readonly time: number;
  readonly signal: AbortSignal;
  /** Looks at power and custody again; called before the disk is touched and before the commit. */
  readonly beforeCommit: (effect: Effect) => Promise<Verdict<void>>;
  /** Runs the commit and what must follow it, as one thing that a hand-back waits for. */
  readonly critical?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Bytes of changed blocks kept in memory; the rest goes to own storage. */
  readonly memoryLimit?: number;
  readonly redoSize?: number;
  /** Lets others have their turn; called often. */
  readonly breathe?: () => Promise<void>;
  /** Told at the beginning of each step. */
  readonly onStep?: (step: ChangeStep) => void;
}

export interface VolumeChanged {
  readonly effectHash: string;
  /** Of what the same blocks held before, as Effect.before. */
  readonly beforeHash: string;
  readonly blocks: number;
  readonly bytes: number;
  /** Of these, bytes that went to free space ahead of the commit, and through the redo log; 0 in a dry run. */
  readonly ahead: number;
  readonly logged: number;
}

const MEMORY_LIMIT = 8 * MiB;
/** Room for what an edit changes besides file content. */
const METADATA_ALLOWANCE = 32 * MiB;
/** Blocks of every filesystem fit into it. */
const SPILL_STEP = 64 * KiB;

/**
 * Changes files on a volume, all edits or none: on an overlay, checked there by the filesystem's own checker, then
 * made on the disk through the redo log. Throws NS_REDO_PENDING where an earlier change is not on the disk yet, and
 * the signal's reason where that stops it, the disk's files being then as they were.
 */
export async function changeVolume(change: VolumeChange): Promise<Verdict<VolumeChanged>> {
  const { disk, editor, store, signal, volume } = change;
  if (!editor.capabilities.types.includes(change.type)) {
    return refuse(
      editor.capabilities.unconfined === true ? 'TOOLS_UNCONFINED' : 'WRITE_TOOLS_MISSING',
      `${change.type} cannot be written here: ${editor.capabilities.unusable ?? 'no tool for it'}.`,
    );
  }
  const log = await openRedoLog(store, disk, change.redoSize);
  const spillName = `${SPILL_PREFIX}${disk}`;
  let overlay: Overlay | undefined;
  let spill: BlockDevice | undefined;
  let roomy = true;
  const noRoom = (): Verdict<VolumeChanged> =>
    refuse('STAGING_FULL', "The device's own storage has no room to prepare the change.");
  // What did not fit into half a small storage may have fitted into a larger one.
  const tooMuch = (): Verdict<VolumeChanged> => (roomy ? refuse('EFFECT_TOO_LARGE') : noRoom());
  try {
    if ((await log.pending()) !== undefined) throw stillPending(disk);
    const kind = await writableKind(change.type);
    const sound = await kind.preflight(volume, signal);
    if (!sound.ok) return sound;
    const memoryLimit = change.memoryLimit ?? MEMORY_LIMIT;
    const expected = expectedBytes(change.edits);
    if (expected > memoryLimit) {
      // What a run before this one was cut off with may have another size.
      await store.remove(spillName);
      const free = await store.free();
      roomy = expected <= free;
      const size = roomy ? expected : Math.floor(free / 2 / SPILL_STEP) * SPILL_STEP;
      if (size > 0) spill = (await store.stagedFile(spillName, size)).data;
    }
    overlay = new Overlay(volume, {
      blockSize: await kind.granularity(volume, signal),
      memoryLimit,
      spill,
      breathe: change.breathe,
    });
    // With a journal still to be replayed, free space by the disk as it is is not what its host would see.
    const isFree = change.replay ? undefined : await kind.freeSpace(volume, signal);
    const effect = await measure(change, kind, overlay, isFree);
    if (!effect.ok) return overlay.full ? tooMuch() : effect;
    const { hash, before, blocks, bytes } = effect.value;
    const done = { effectHash: hash, beforeHash: before, blocks, bytes, ahead: 0, logged: 0 };
    if (change.dryRun) return allow(done);
    if (change.approvedEffect !== undefined && change.approvedEffect !== hash) {
      return refuse('EFFECT_DIFFERS', `The effect would be ${hash}, not ${change.approvedEffect}.`);
    }
    const committed = await commitEffect({
      target: {
        disk,
        volume: change.volumeName,
        volumeStart: change.volumeStart,
        volumeLength: volume.capabilities.size,
      },
      volume,
      effect: effect.value,
      log,
      beforeCommit: change.beforeCommit,
      critical: change.critical,
      signal,
      onStep: change.onStep,
    });
    return committed.ok ? allow({ ...done, ...committed.value }) : committed;
  } catch (error) {
    if (overlay?.full === true) return tooMuch();
    if (hasCode(error, 'NS_STATE_FULL')) return noRoom();
    throw error;
  } finally {
    await overlay?.close();
    if (spill !== undefined) {
      await spill.close();
      await store.remove(spillName);
    }
    await log.close();
  }
}

async function measure(
  change: VolumeChange,
  kind: WritableKind,
  overlay: Overlay,
  isFree: IsFree | undefined,
): Promise<Verdict<Effect>> {
  const { editor, type, signal, time, onStep } = change;
  if (change.replay) {
    onStep?.('replay');
    const replayed = await editor.replay(overlay, type, time, signal);
    if (!replayed.ok) return replayed;
  }
  onStep?.('edit');
  const edited = await editor.edit(overlay, type, change.edits, time, signal);
  if (!edited.ok) return edited;
  await overlay.freeze();
  onStep?.('verify');
  await kind.verify(change.volume, overlay, change.edits, signal);
  onStep?.('check');
  const checked = await editor.check(overlay, type, signal);
  if (!checked.ok) return checked;
  onStep?.('measure');
  return allow(await measureEffect(overlay, change.volume, isFree, signal));
}

function expectedBytes(edits: readonly VolumeEdit[]): number {
  let bytes = METADATA_ALLOWANCE;
  for (const edit of edits) if (edit.edit === 'put-file') bytes += edit.content.size;
  return bytes;
}
