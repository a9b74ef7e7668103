import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allow, ByteView, NsError, refuse, type Verdict } from '../../base/index.ts';
import type {
  BlockDevice,
  EditableVolume,
  FileContent,
  VolumeEdit,
  VolumeEditor,
} from '../../ports/index.ts';
import { settleExt4 } from '../../storage/index.ts';
import { withDevicePath } from '../volume-tools/device-path.ts';
import { readOnly } from '../volume-tools/read-only.ts';
import { runTool } from '../volume-tools/run-tool.ts';
import { EditorTools, openToolEditor } from '../volume-tools/tool-editor.ts';
import type { VisiblePath } from '../volume-tools/visible-path.ts';
import type { VolumeToolOptions } from '../volume-tools/volume-editors.ts';
import { attributeRemovals } from './attribute-removals.ts';
import { writeAttributeValues } from './attribute-values.ts';
import { type BlockRange, contentRanges } from './content-ranges.ts';
import { debugfsScript } from './debugfs-script.ts';
import { linkCounts } from './link-counts.ts';
import { E2FSPROGS } from './programs.ts';
import { settledEdits } from './settle-edits.ts';

/** Fields of the ext superblock. Without bigalloc a cluster is a block. */
const SUPERBLOCK_AT = 1024;
const FREE_CLUSTERS = 0x0c;
const LOG_BLOCK_SIZE = 0x18;
const LOG_CLUSTER_SIZE = 0x1c;
const INCOMPAT = 0x60;
const NEEDS_RECOVERY = 0x4;
const INLINE_DATA = 0x8000;
const RO_COMPAT = 0x64;
const LARGE_FILE = 0x2;

/**
 * Writing ext2, ext3 and ext4 through e2fsprogs. Tries at once whether the programs are here and may mount; where not,
 * `capabilities` says why and nothing can be edited.
 */
export async function openE2fsprogs(options: VolumeToolOptions): Promise<VolumeEditor> {
  return await openToolEditor(E2FSPROGS, e2fsprogsEditor, options);
}

/** The same, where it is known already whether it is usable. */
export function e2fsprogsEditor(options: VolumeToolOptions, unusable?: string): VolumeEditor {
  return new E2fsprogs(options, unusable);
}

class E2fsprogs implements VolumeEditor {
  readonly capabilities: VolumeEditor['capabilities'];
  readonly #tools: EditorTools;

  constructor(options: VolumeToolOptions, unusable: string | undefined) {
    this.#tools = new EditorTools(E2FSPROGS, options, unusable);
    this.capabilities = this.#tools.capabilities;
  }

  async edit(
    overlay: EditableVolume,
    type: string,
    edits: readonly VolumeEdit[],
    time: number,
    signal: AbortSignal,
  ): Promise<Verdict<void>> {
    const refused = this.#tools.refuseType(type);
    if (refused !== undefined) return refused;
    const volume = await readFacts(overlay, signal);
    const ranges = await rangesOf(edits, volume, signal);
    const links = await linkCounts(overlay, edits, signal);
    const attributes = await attributeRemovals(overlay, edits, signal);
    const made = await withDevicePath(this.#tools.directory, overlay, signal, async (path, room) => {
      const values = await writeAttributeValues(edits, room);
      const script = debugfsScript(edits, { time, ...volume, values, attributes, ranges, links });
      if (!script.ok) return script;
      const file = join(room, 'script');
      await writeFile(file, script.value, { mode: 0o600 });
      const visible = [
        { path, writable: true },
        ...[file, ...values.values()].map((seen) => ({ path: seen })),
      ];
      return judgeDebugfs(await this.#run('debugfs', ['-w', '-f', file, path], visible, time, signal));
    });
    if (made.ok) await settleExt4(overlay, settledEdits(edits, time), signal);
    return made;
  }

  async check(device: BlockDevice, type: string, signal: AbortSignal): Promise<Verdict<void>> {
    const refused = this.#tools.refuseType(type);
    if (refused !== undefined) return refused;
    const incompat = new Uint8Array(4);
    await device.read(SUPERBLOCK_AT + INCOMPAT, incompat, signal);
    // e2fsck -n looks past a journal that is still to be replayed.
    if ((new ByteView(incompat).u32le(0) & NEEDS_RECOVERY) !== 0) {
      return refuse('CHECK_FAILED', 'The journal of the changed volume still holds changes to be replayed.');
    }
    const { status, stdout } = await withDevicePath(this.#tools.directory, readOnly(device), signal, (path) =>
      this.#run('e2fsck', ['-f', '-n', path], [{ path }], undefined, signal),
    );
    if (status === 0) return allow(undefined);
    if (status !== undefined && status < 8) {
      return refuse('CHECK_FAILED', `e2fsck found a fault in the changed volume: ${firstFinding(stdout)}`);
    }
    throw new NsError('NS_TOOL_FAILED', `e2fsck ended with ${status ?? 'a signal'}: ${firstFinding(stdout)}`);
  }

  async replay(
    overlay: BlockDevice,
    type: string,
    time: number,
    signal: AbortSignal,
  ): Promise<Verdict<void>> {
    const refused = this.#tools.refuseType(type);
    if (refused !== undefined) return refused;
    const { status, stdout } = await withDevicePath(this.#tools.directory, overlay, signal, (path) =>
      this.#run('e2fsck', ['-E', 'journal_only', '-y', path], [{ path, writable: true }], time, signal),
    );
    if (status === 0 || status === 1) return allow(undefined);
    return refuse('VOLUME_DAMAGED', `The journal cannot be replayed: ${firstFinding(stdout)}`);
  }

  #run(
    tool: string,
    args: readonly string[],
    visible: readonly VisiblePath[],
    time: number | undefined,
    signal: AbortSignal,
  ) {
    const env: Record<string, string> = time === undefined ? {} : { E2FSPROGS_FAKE_TIME: String(time) };
    return runTool({ tool, args, deadline: this.#tools.deadline, signal, env, confined: true, visible });
  }
}

/** debugfs ends with 0 whatever happened; what went wrong stands on stderr, below its banner. */
function judgeDebugfs(result: {
  readonly status: number | undefined;
  readonly stderr: string;
}): Verdict<void> {
  const said = result.stderr.split('\n').filter((line) => line !== '' && !/^debugfs \d/.test(line));
  const first = said[0];
  if (result.status === 0 && first === undefined) return allow(undefined);
  const text = first ?? `ended with ${result.status ?? 'a signal'}`;
  if (/space to store extended attribute/i.test(text)) return refuse('XATTRS_TOO_LARGE');
  if (/could not allocate|no space|no free|not enough space/i.test(text)) {
    return refuse('NO_SPACE', 'The volume has no room for the change.');
  }
  if (/directory not empty/i.test(text)) return refuse('DIRECTORY_NOT_EMPTY');
  if (/already exists/i.test(text)) return refuse('FILE_EXISTS');
  if (/file not found/i.test(text)) return refuse('NO_SUCH_FILE');
  throw new NsError('NS_TOOL_FAILED', `debugfs: ${text.slice(0, 300)}`);
}

/** The first line in which e2fsck says more than what it is doing. */
function firstFinding(stdout: string): string {
  const lines = stdout.split('\n').filter((line) => line.trim() !== '' && !/^Pass \d|^e2fsck \d/.test(line));
  return (lines[0] ?? 'no reason given').slice(0, 300);
}

interface VolumeFacts {
  readonly blockSize: number;
  readonly clusterBlocks: number;
  readonly largeFiles: boolean;
  readonly inlineData: boolean;
  readonly free: number;
}

async function readFacts(device: BlockDevice, signal: AbortSignal): Promise<VolumeFacts> {
  const superblock = new Uint8Array(1024);
  await device.read(SUPERBLOCK_AT, superblock, signal);
  const view = new ByteView(superblock);
  const sizeAt = (field: number): number => 1024 * 2 ** Math.min(view.u32le(field), 20);
  const blockSize = sizeAt(LOG_BLOCK_SIZE);
  const cluster = sizeAt(LOG_CLUSTER_SIZE);
  return {
    blockSize,
    clusterBlocks: Math.max(1, cluster / blockSize),
    largeFiles: (view.u32le(RO_COMPAT) & LARGE_FILE) !== 0,
    inlineData: (view.u32le(INCOMPAT) & INLINE_DATA) !== 0,
    free: view.u32le(FREE_CLUSTERS) * cluster,
  };
}

async function rangesOf(
  edits: readonly VolumeEdit[],
  { blockSize, clusterBlocks }: VolumeFacts,
  signal: AbortSignal,
): Promise<ReadonlyMap<FileContent, readonly BlockRange[]>> {
  const ranges = new Map<FileContent, readonly BlockRange[]>();
  for (const edit of edits) {
    if (edit.edit !== 'put-file') continue;
    ranges.set(edit.content, await contentRanges(edit.content, blockSize, clusterBlocks, signal));
  }
  return ranges;
}
