import { mkdir, stat } from 'node:fs/promises';
import { asNsError, bytes, checkBlockRange, KiB, seconds } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { removeStalePaths, withDevicePath } from './device-path.ts';
import { runTool } from './run-tool.ts';

/** A program, what makes it answer and end at once, and the exit statuses with which it may. */
export type ToolTrial = readonly [tool: string, args: readonly string[], statuses?: readonly number[]];

const TRIAL_DEADLINE = seconds(10);

/** Undefined where every program answers; else which one does not. */
export async function missingTool(
  trials: readonly ToolTrial[],
  confined = true,
): Promise<string | undefined> {
  const signal = new AbortController().signal;
  for (const [tool, args, statuses = [0]] of trials) {
    const status = await runTool({ tool, args, deadline: TRIAL_DEADLINE, signal, confined }).then(
      (result) => result.status,
      () => undefined,
    );
    if (status === undefined || !statuses.includes(status)) return `${tool} is not usable`;
  }
  return undefined;
}

/**
 * Undefined where a device of ours can be mounted in this directory and seen; else why not. Clears what agents that are
 * gone have left there.
 */
export async function whyUnmountable(directory: string): Promise<string | undefined> {
  const programs: readonly ToolTrial[] = [
    ['nbdfuse', ['--version']],
    ['fusermount3', ['-V']],
  ];
  const missing = await missingTool(programs, false);
  if (missing !== undefined) return missing;
  try {
    await mkdir(directory, { recursive: true });
    await removeStalePaths(directory);
    const { signal } = new AbortController();
    const size = await withDevicePath(directory, nothing(), signal, async (path) => (await stat(path)).size);
    return size === nothing().capabilities.size ? undefined : 'nbdfuse shows a device of the wrong size';
  } catch (error) {
    return `nbdfuse cannot mount (${asNsError(error).message})`;
  }
}

/** A small device of zeros, to try the mount with. */
function nothing(): BlockDevice {
  const size = 4 * KiB;
  return {
    name: 'trial',
    capabilities: { size: bytes(size), sectorSize: bytes(512), writable: false, trim: false },
    async read(offset, into) {
      checkBlockRange('trial', size, offset, into.byteLength);
      into.fill(0);
    },
    async write() {},
    async flush() {},
    async trim() {},
    async close() {},
  };
}
