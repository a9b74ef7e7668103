import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSimControl, parseSimConfig, type SimConfig, SimMachine } from './adapters/sim/index.ts';
import { NsError, shapeConfig, suggest } from './base/index.ts';
import { type BoardDescription, boardChannels, boardDescription } from './bmc/index.ts';
import type {
  Clock,
  DriveSwitch,
  HostControl,
  HostPower,
  IoDevices,
  LogSink,
  MemoryProbe,
  StateStore,
} from './ports/index.ts';
import type { ChainControl } from './sata-chain/index.ts';

/** A board as the agent uses it: its description, and an adapter for each port that it has. */
export interface BoardParts {
  readonly description: BoardDescription;
  readonly power: HostPower;
  /** Where the board can drive its host: for chassis orders and the lock, never for a task. */
  readonly control?: HostControl;
  readonly switches: readonly DriveSwitch[];
  readonly memory?: MemoryProbe;
  readonly io?: IoDevices;
  /** Disks that are chains of drives. */
  readonly chains?: readonly ChainControl[];
  close(): Promise<void>;
}

export interface BoardSetting {
  readonly clock: Clock;
  /** The agent's own storage, for boards that have no memory of their own. */
  readonly store: StateStore;
  readonly log: LogSink;
  /** Paths in the configuration are relative to this. */
  readonly base: string;
  /** The configuration's sections `sim` and `qemu`. */
  readonly sim: unknown;
  readonly qemu?: unknown;
}

const BOARDS = { 'sim-host': openSimHost } as const;

/** Opens a board by its name. NS_BOARD_UNKNOWN lists what there is. */
export async function openBoard(name: string, setting: BoardSetting): Promise<BoardParts> {
  return BOARDS[knownBoard(name)](await readDescription(name), setting);
}

function knownBoard(name: string): keyof typeof BOARDS {
  const names = Object.keys(BOARDS);
  if (!Object.hasOwn(BOARDS, name)) {
    const near = suggest(name, names);
    const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean "${near}"?`;
    throw new NsError('NS_BOARD_UNKNOWN', `there is no board "${name}"; ${hint}`, { family: 'caller' });
  }
  return name as keyof typeof BOARDS;
}

/** Judges a board's name and its part of the configuration, and opens nothing. */
export async function checkBoard(name: string, sim: unknown): Promise<void> {
  await readDescription(knownBoard(name));
  simConfigOf(sim);
}

/** Boards are data, in boards/ beside the program. */
async function readDescription(name: string): Promise<BoardDescription> {
  const path = fileURLToPath(new URL(`../boards/${name}/board.json`, import.meta.url));
  return shapeConfig(boardDescription, JSON.parse(await readFile(path, 'utf8')), path);
}

function simConfigOf(sim: unknown): SimConfig {
  if (sim === undefined) {
    throw new NsError('NS_CONFIG_INVALID', 'the board sim-host needs a section "sim" in the configuration', {
      family: 'caller',
    });
  }
  return parseSimConfig(sim);
}

async function openSimHost(
  description: BoardDescription,
  { clock, store, log, base, sim }: BoardSetting,
): Promise<BoardParts> {
  const parsed = simConfigOf(sim);
  const config = {
    ...parsed,
    disks: parsed.disks.map(({ image, members, ...disk }) => ({
      ...disk,
      ...(image === undefined ? {} : { image: resolve(base, image) }),
      ...(members === undefined
        ? {}
        : { members: members.map((member) => ({ ...member, image: resolve(base, member.image) })) }),
    })),
    ...(parsed.uartLog === undefined ? {} : { uartLog: resolve(base, parsed.uartLog) }),
  };
  // The chain's code is loaded where there is one: most devices have none.
  const { SimChainDisk } = config.disks.some(({ members }) => members !== undefined)
    ? await import('./adapters/sim/chain-disk.ts')
    : {};
  const machine = new SimMachine({
    config,
    clock,
    channels: boardChannels(description),
    handBackMs: description.handBackMs,
    // The agent runs on the power that was cut: it ends as abruptly as the machine.
    onPowerCut: () => process.kill(process.pid, 'SIGKILL'),
    chainState: store,
    ...(SimChainDisk === undefined ? {} : { chainDisk: (options) => new SimChainDisk(options) }),
    log,
  });
  await machine.start();
  const control =
    config.control === undefined ? undefined : await openSimControl(machine, resolve(base, config.control));
  return {
    description,
    power: machine.host,
    control: machine.host,
    switches: machine.drives,
    memory: machine.memory,
    io: machine.io,
    chains: machine.chains.map(({ control }) => control),
    close: async () => {
      await control?.close();
      await machine.close();
    },
  };
}
