import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allow, ByteView, type Duration, minutes, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, VolumeEdit, VolumeEditor } from '../../ports/index.ts';
import { withDevicePath } from '../volume-tools/device-path.ts';
import { readOnly } from '../volume-tools/read-only.ts';
import { runTool } from '../volume-tools/run-tool.ts';
import { stagedPaths, type VisiblePath } from '../volume-tools/visible-path.ts';
import type { VolumeToolOptions } from '../volume-tools/volume-editors.ts';
import { missingTool, whyUnmountable } from '../volume-tools/why-unusable.ts';
import { attributeRemovals } from './attribute-removals.ts';
import { debugfsScript } from './debugfs-script.ts';
import { E2FSPROGS } from './programs.ts';

/** Fields of the ext superblock. Without bigalloc a cluster is a block. */
const SUPERBLOCK_AT = 1024;
const FREE_CLUSTERS = 0x0c;
const LOG_CLUSTER_SIZE = 0x1c;
const INODE_SIZE = 0x58;
const INCOMPAT = 0x60;
const NEEDS_RECOVERY = 0x4;
const INLINE_DATA = 0x8000;

/**
 * Writing ext2, ext3 and ext4 through e2fsprogs. Tries at once whether the programs are here and may mount; where not,
 * `capabilities` says why and nothing can be edited.
 */
export async function openE2fsprogs(options: VolumeToolOptions): Promise<VolumeEditor> {
  const directory = options.directory ?? tmpdir();
  const unusable = (await missingTool(E2FSPROGS.programs)) ?? (await whyUnmountable(directory));
  return e2fsprogsEditor(options, unusable);
}

/** The same, where it is known already whether it is usable. */
export function e2fsprogsEditor(options: VolumeToolOptions, unusable?: string): VolumeEditor {
  return new E2fsprogs(options, options.directory ?? tmpdir(), unusable);
}

class E2fsprogs implements VolumeEditor {
  readonly capabilities: VolumeEditor['capabilities'];
  readonly #options: VolumeToolOptions;
  readonly #directory: string;
  readonly #deadline: Duration;

  constructor(options: VolumeToolOptions, directory: string, unusable: string | undefined) {
    this.#options = options;
    this.#directory = directory;
    this.#deadline = options.toolDeadline ?? minutes(30);
    this.capabilities = unusable === undefined ? { types: E2FSPROGS.types } : { types: [], unusable };
  }

  async edit(
    overlay: BlockDevice,
    type: string,
    edits: readonly VolumeEdit[],
    time: number,
    signal: AbortSignal,
  ): Promise<Verdict<void>> {
    const refused = this.#refuseType(type);
    if (refused !== undefined) return refused;
    const script = debugfsScript(edits, {
      time,
      ...(await readFacts(overlay, signal)),
      attributes: await attributeRemovals(overlay, edits, signal),
      stagedPath: this.#options.stagedPath,
    });
    if (!script.ok) return script;
    const result = await withDevicePath(this.#directory, overlay, signal, async (path, room) => {
      const file = join(room, 'script');
      await writeFile(file, script.value, { mode: 0o600 });
      const visible = [
        { path, writable: true },
        { path: file },
        ...stagedPaths(edits, this.#options.stagedPath).map((staged) => ({ path: staged })),
      ];
      return this.#run('debugfs', ['-w', '-f', file, path], visible, time, signal);
    });
    return judgeDebugfs(result);
  }

  async check(device: BlockDevice, type: string, signal: AbortSignal): Promise<Verdict<void>> {
    const refused = this.#refuseType(type);
    if (refused !== undefined) return refused;
    const incompat = new Uint8Array(4);
    await device.read(SUPERBLOCK_AT + INCOMPAT, incompat, signal);
    // e2fsck -n looks past a journal that is still to be replayed.
    if ((new ByteView(incompat).u32le(0) & NEEDS_RECOVERY) !== 0) {
      return refuse('CHECK_FAILED', 'The journal of the changed volume still holds changes to be replayed.');
    }
    const { status, stdout } = await withDevicePath(this.#directory, readOnly(device), signal, (path) =>
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
    const refused = this.#refuseType(type);
    if (refused !== undefined) return refused;
    const { status, stdout } = await withDevicePath(this.#directory, overlay, signal, (path) =>
      this.#run('e2fsck', ['-E', 'journal_only', '-y', path], [{ path, writable: true }], time, signal),
    );
    if (status === 0 || status === 1) return allow(undefined);
    return refuse('VOLUME_DAMAGED', `The journal cannot be replayed: ${firstFinding(stdout)}`);
  }

  #refuseType(type: string): Verdict<void> | undefined {
    if (this.capabilities.types.includes(type)) return undefined;
    const { unusable } = this.capabilities;
    return refuse('WRITE_TOOLS_MISSING', unusable === undefined ? undefined : `${unusable}.`);
  }

  #run(
    tool: string,
    args: readonly string[],
    visible: readonly VisiblePath[],
    time: number | undefined,
    signal: AbortSignal,
  ) {
    const env: Record<string, string> = time === undefined ? {} : { E2FSPROGS_FAKE_TIME: String(time) };
    return runTool({ tool, args, deadline: this.#deadline, signal, env, confined: true, visible });
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

async function readFacts(
  device: BlockDevice,
  signal: AbortSignal,
): Promise<{ readonly largeInodes: boolean; readonly free: number; readonly inlineData: boolean }> {
  const superblock = new Uint8Array(1024);
  await device.read(SUPERBLOCK_AT, superblock, signal);
  const view = new ByteView(superblock);
  const cluster = 1024 * 2 ** Math.min(view.u32le(LOG_CLUSTER_SIZE), 20);
  return {
    largeInodes: view.u16le(INODE_SIZE) > 128,
    free: view.u32le(FREE_CLUSTERS) * cluster,
    inlineData: (view.u32le(INCOMPAT) & INLINE_DATA) !== 0,
  };
}
