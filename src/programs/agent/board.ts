import type { GpioLines, KernelFiles } from '../../adapters/linux/index.ts';
import { type Duration, NsError } from '../../base/index.ts';
import type { BoardDescription } from '../../board/index.ts';
import type { BmcCommands, HostConsole } from '../../ipmi/index.ts';
import type {
  BootGuard,
  Clock,
  DriveSecurity,
  DriveSwitch,
  HostControl,
  HostMedia,
  HostPower,
  IoDevices,
  LogSink,
  MemoryProbe,
  StateStore,
  Watchdog,
} from '../../ports/index.ts';
import type { ChainControl } from '../../sata-chain/index.ts';

/** Where the host itself asks its BMC. */
export interface HostInterface {
  /** From now on these answer. */
  serve(commands: BmcCommands): void;
  /** Something waits for the host at its BMC, or nothing does any more. */
  attention(raised: boolean): void;
}

/** A board as the agent uses it: its description, and an adapter for each port that it has. */
export interface BoardParts {
  readonly description: BoardDescription;
  readonly power: HostPower;
  /** Where the board can drive its host: for chassis orders and the lock, never for a task. */
  readonly control?: HostControl;
  /** Where the board's own BMC can be told what the host does when its mains come back. */
  readonly boot?: BootGuard;
  readonly switches: readonly DriveSwitch[];
  /** How long a drive is kept after its last use, for the next one, where to give it back and take it again is slow. */
  readonly linger?: Duration;
  /** Drives whose own lock the board can reach. */
  readonly security?: readonly DriveSecurity[];
  readonly memory?: MemoryProbe;
  readonly io?: IoDevices;
  /** Disks that are chains of drives. */
  readonly chains?: readonly ChainControl[];
  /** The host's serial console. */
  readonly console?: HostConsole;
  readonly hostInterface?: HostInterface;
  /** Where the board can show its host a disk of its own. */
  readonly media?: HostMedia;
  /** By what a test looks at the board while the agent has it. */
  readonly bench?: { readonly lines?: Pick<GpioLines, 'look'>; readonly files: KernelFiles };
  /** Opens, and so arms, the board's watchdog; undefined where it is not there. */
  readonly openWatchdog?: () => Promise<Watchdog | undefined>;
  close(): Promise<void>;
}

export interface BoardSetting {
  readonly clock: Clock;
  /** The agent's own storage, for boards that have no memory of their own. */
  readonly store: StateStore;
  readonly log: LogSink;
  /** Paths in the configuration are relative to this. */
  readonly base: string;
  /** The configuration's sections `sim`, `qemu` and `linux`. */
  readonly sim?: unknown;
  readonly qemu?: unknown;
  readonly linux?: unknown;
}

export type BoardSections = Pick<BoardSetting, 'sim' | 'qemu' | 'linux'>;

/** How a board is opened, and how its part of the configuration is judged. */
export interface Board {
  readonly open: (description: BoardDescription, setting: BoardSetting) => Promise<BoardParts>;
  /** Opens nothing; NS_CONFIG_INVALID. */
  readonly check: (setting: BoardSections, description: BoardDescription) => void;
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
