import { mkdir, stat } from 'node:fs/promises';
import { asNsError, bytes, checkBlockRange, KiB, seconds } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { removeStalePaths, withDevicePath } from './device-path.ts';
import { runTool } from './run-tool.ts';

/** A program, what makes it answer and end at once, and the exit statuses with which it may. */
export type ToolTrial = readonly [tool: string, args: readonly string[], statuses?: readonly number[]];

const TRIAL_DEADLINE = seconds(10);
const ALL_DEADLINE = seconds(30);
/** Nothing that a shell takes for anything but a word. */
const WORD = /^[A-Za-z0-9._+-]+$/;

/** Undefined where every program answers; else which one does not. */
export async function missingTool(
  trials: readonly ToolTrial[],
  confined = true,
): Promise<string | undefined> {
  const answers = (await answersOfAll(trials, confined)) ?? (await answersOfEach(trials, confined));
  const missing = trials.find(([, , statuses = [0]], index) => !statuses.includes(answers[index] ?? -1));
  return missing && `${missing[0]} is not usable`;
}

/** Their statuses, by one shell in one sandbox: a sandbox for each would be most of what a start takes. */
async function answersOfAll(
  trials: readonly ToolTrial[],
  confined: boolean,
): Promise<readonly number[] | undefined> {
  if (trials.length < 2 || !trials.every(([tool, args]) => [tool, ...args].every((word) => WORD.test(word))))
    return undefined;
  const script = trials.map(([tool, args]) => `${[tool, ...args].join(' ')} >/dev/null 2>&1; echo $?`);
  const run = { tool: 'sh', args: ['-c', script.join('\n')], deadline: ALL_DEADLINE, confined };
  const said = await runTool({ ...run, signal: new AbortController().signal }).then(
    ({ stdout }) => stdout.trimEnd().split('\n'),
    () => [],
  );
  return said.length === trials.length ? said.map(Number) : undefined;
}

async function answersOfEach(trials: readonly ToolTrial[], confined: boolean): Promise<readonly number[]> {
  const signal = new AbortController().signal;
  const answers: number[] = [];
  for (const [tool, args] of trials)
    answers.push(
      await runTool({ tool, args, deadline: TRIAL_DEADLINE, signal, confined }).then(
        ({ status }) => status ?? -1,
        () => -1,
      ),
    );
  return answers;
}

/**
 * Undefined where a device of ours can be mounted in this directory and seen; else why not. Clears what agents that are
 * gone have left there.
 */
export async function whyUnmountable(directory: string): Promise<string | undefined> {
  try {
    await mkdir(directory, { recursive: true });
    await removeStalePaths(directory);
    const { signal } = new AbortController();
    const size = await withDevicePath(directory, nothing(), signal, async (path) => (await stat(path)).size);
    return size === nothing().capabilities.size ? undefined : 'nbdfuse shows a device of the wrong size';
  } catch (error) {
    const programs: readonly ToolTrial[] = [
      ['nbdfuse', ['--version']],
      ['fusermount3', ['-V']],
    ];
    return (await missingTool(programs, false)) ?? `nbdfuse cannot mount (${asNsError(error).message})`;
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
