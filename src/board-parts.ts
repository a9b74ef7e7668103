import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NsError, shapeConfig, suggest } from './base/index.ts';
import { type BoardDescription, boardDescription } from './bmc/index.ts';
import type { BmcCommands, HostConsole } from './ipmi/index.ts';
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
  /** The host's serial console. */
  readonly console?: HostConsole;
  /** Where the host itself asks its BMC: gives it whoever answers. */
  readonly hostInterface?: (commands: BmcCommands) => void;
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
  readonly sim?: unknown;
  readonly qemu?: unknown;
}

/** How a board is opened, and how its part of the configuration is judged. */
export interface Board {
  readonly open: (description: BoardDescription, setting: BoardSetting) => Promise<BoardParts>;
  /** Opens nothing; NS_CONFIG_INVALID. */
  readonly check: (setting: Pick<BoardSetting, 'sim' | 'qemu'>) => void;
}

/** Read when they are asked for: a device carries the code of one board. */
const BOARDS: Readonly<Record<string, () => Promise<Board>>> = {
  'sim-host': async () => (await import('./board-sim-host.ts')).simHost,
  'qemu-host': async () => (await import('./board-qemu-host.ts')).qemuHost,
};

/** Opens a board by its name. NS_BOARD_UNKNOWN lists what there is. */
export async function openBoard(name: string, setting: BoardSetting): Promise<BoardParts> {
  const board = await boardOf(name);
  return board.open(await readDescription(name), setting);
}

/** Judges a board's name and its part of the configuration, and opens nothing. */
export async function checkBoard(name: string, setting: Pick<BoardSetting, 'sim' | 'qemu'>): Promise<void> {
  const board = await boardOf(name);
  await readDescription(name);
  board.check(setting);
}

function boardOf(name: string): Promise<Board> {
  const names = Object.keys(BOARDS);
  const board = Object.hasOwn(BOARDS, name) ? BOARDS[name] : undefined;
  if (board !== undefined) return board();
  const near = suggest(name, names);
  const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean "${near}"?`;
  throw new NsError('NS_BOARD_UNKNOWN', `there is no board "${name}"; ${hint}`, { family: 'caller' });
}

/** A board's own section of the configuration, which it cannot do without. */
export function needed(section: unknown, name: string, board: string): unknown {
  if (section !== undefined) return section;
  throw new NsError(
    'NS_CONFIG_INVALID',
    `the board ${board} needs a section "${name}" in the configuration`,
    { family: 'caller' },
  );
}

/** Boards are data, in boards/ beside the program. */
async function readDescription(name: string): Promise<BoardDescription> {
  const path = fileURLToPath(new URL(`../boards/${name}/board.json`, import.meta.url));
  return shapeConfig(boardDescription, JSON.parse(await readFile(path, 'utf8')), path);
}
