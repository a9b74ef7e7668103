import { parseArgs } from 'node:util';
import { openFileStateStore } from '../../adapters/file-state-store.ts';
import { silentLog } from '../../adapters/log.ts';
import { holdAlone } from '../../adapters/single-instance.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { asNsError, hasCode, MiB, NsError, sentenceOf } from '../../base/index.ts';
import {
  type BoardDescription,
  type Finding,
  notTried,
  outcomeOf,
  planBoardTest,
} from '../../board/index.ts';
import { LINUX_KERNEL } from './board-linux.ts';
import type { LinuxKernel } from './board-linux-channels.ts';
import { allDescriptions, openBoard, readDescription } from './board-parts.ts';
import { compatibleOf } from './board-test-kernel.ts';
import { liveHands } from './board-test-live.ts';
import { type OpenHands, openLinuxHands } from './board-test-open.ts';
import { doStep } from './board-test-run.ts';
import { jsonLines, sentences } from './board-test-text.ts';
import { type AgentConfig, readAgentConfig } from './config.ts';
import { openDeviceKey } from './parts.ts';

const OPTIONS = {
  board: { type: 'string' },
  config: { type: 'string' },
  drive: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const EXIT = { well: 0, failed: 1, 'not all tried': 3 } as const;
/** For what a simulated board keeps of itself. */
const STORE = { quota: 64 * MiB };

export interface BoardTestSurroundings {
  readonly print: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kernel?: LinuxKernel;
}

/** "nightshift-agent board test …": the words behind "board". The exit code. */
export async function boardTest(
  argv: readonly string[],
  { print, env, kernel = LINUX_KERNEL }: BoardTestSurroundings,
): Promise<number> {
  const options = readArguments(argv);
  const config = options.config === undefined ? undefined : await readAgentConfig(options.config, env);
  const description = await descriptionOf(options.board, kernel);
  const drive = options.drive === true;
  const say = options.json === true ? jsonLines(print) : sentences(print);
  const opened = await handsOf(description, config, drive, kernel);
  say.begin(description);
  const findings: Finding[] = [];
  const { signal, release } = interrupt();
  try {
    for (const step of planBoardTest(description, { drive })) {
      const finding =
        opened instanceof Error
          ? notTried(`${opened.sentence}: type "board test" at its console`)
          : await doStep(step, opened.hands, signal);
      findings.push(finding);
      say.step(step, finding);
    }
  } finally {
    release();
    if (!(opened instanceof Error)) await opened.close();
  }
  say.end(findings);
  return EXIT[outcomeOf(findings)];
}

/** At Ctrl-C: a light that blinks is put back first. */
function interrupt(): { readonly signal: AbortSignal; readonly release: () => void } {
  const over = new AbortController();
  const end = (): void => over.abort(new NsError('NS_INTERRUPTED', 'the test was interrupted'));
  const names = ['SIGTERM', 'SIGINT'] as const;
  for (const name of names) process.once(name, end);
  return {
    signal: over.signal,
    release: () => {
      for (const name of names) process.off(name, end);
    },
  };
}

function readArguments(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
    if (positionals.length === 1 && positionals[0] === 'test') return values;
  } catch (cause) {
    throw usage(`${sentenceOf(cause)}; see nightshift-agent --help`);
  }
  throw usage('nightshift-agent board test [--board NAME] [--config FILE] [--drive] [--json]');
}

const usage = (sentence: string): NsError => new NsError('NS_USAGE', sentence, { family: 'caller' });

async function descriptionOf(name: string | undefined, { files }: LinuxKernel): Promise<BoardDescription> {
  const found = name === undefined ? await recognised(files) : await readDescription(name);
  if (found.adapter !== 'none') return found;
  throw usage(`the agent cannot run on ${found.name}: there is nothing of it to test from here`);
}

/** The board whose name the machine bears, by the order in which it says its names. */
async function recognised(files: LinuxKernel['files']): Promise<BoardDescription> {
  const names = (await compatibleOf(files)) ?? [];
  const all = await allDescriptions();
  for (const name of names) {
    const board = all.find(({ compatible }) => compatible?.includes(name) === true);
    if (board !== undefined) return board;
  }
  const said = names.length === 0 ? 'has no device tree' : `calls itself ${names.join(', ')}`;
  throw usage(`this machine ${said}, which no board does: say --board NAME`);
}

/** NsError where an agent at work has all that could be looked at. */
async function handsOf(
  description: BoardDescription,
  config: AgentConfig | undefined,
  drive: boolean,
  kernel: LinuxKernel,
): Promise<OpenHands | NsError> {
  if (description.adapter === 'linux')
    return openLinuxHands(description, { linux: config?.linux, clock: systemClock, drive }, kernel);
  if (config === undefined)
    throw usage(`${description.name} is told by its configuration: say --config FILE`);
  try {
    return await openWhole(description, config);
  } catch (error) {
    if (hasCode(error, 'NS_STATE_IN_USE')) return asNsError(error);
    throw error;
  }
}

/** A board that is a program is opened as the agent opens it, while no agent has it. */
async function openWhole(description: BoardDescription, config: AgentConfig): Promise<OpenHands> {
  await openDeviceKey(config.state);
  const release = await holdAlone(config.state);
  try {
    const { base, sim, qemu, linux, state } = config;
    const store = await openFileStateStore(state, STORE);
    const board = await openBoard(description.name, {
      ...{ clock: systemClock, store, log: silentLog, base },
      ...{ sim, qemu, linux },
    });
    return {
      hands: await liveHands(
        { board, power: board.power, clock: systemClock },
        {
          mayNotRead: () => undefined,
          write: async (name, value) => board.io?.write(name, value),
        },
      ),
      close: async () => {
        await board.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}
