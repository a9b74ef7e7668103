import type { Custody, DriveLocks, Lockout } from '../bmc/index.ts';
import type {
  Channel,
  Clock,
  DriveSecurity,
  DriveSwitch,
  HostPower,
  IoDevices,
  LogSink,
  MeasureSink,
  MemoryProbe,
  StateStore,
  VolumeEditor,
} from '../ports/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import type { ChainControl } from '../sata-chain/index.ts';
import type { AuditLog, Budget, KeyringHolder } from '../security/index.ts';
import type { BlockPort } from '../transfer/index.ts';
import type { OwnFirmware } from './firmware/own-firmware.ts';
import type { MediaDesk } from './media/media-desk.ts';
import type { StagedDesk } from './staged/staged-desk.ts';
import type { TaskTable } from './task-table.ts';

/** Who this device is. */
export interface DeviceIdentity {
  readonly tenant: string;
  readonly device: string;
  readonly groups: readonly string[];
  readonly board: string;
  readonly version: string;
  /** New at every start. */
  readonly boot: Uint8Array;
}

/** How many days past what has surely passed one person may move signed time: whoever sets it monthly needs no second. */
export const ONE_PERSON_DAYS = 31;

/** What this device knows of time that no wall clock can take from it. */
export interface SignedTime {
  /** Seconds since 1970 that have surely passed by now. */
  surely(): number;
  /** No signed time after this is believed. */
  readonly latest: number;
  /** How far one person may move it, whatever the number of orders, until two people have moved it or the device starts anew. */
  latestByOne(): number;
  /** From now on it is not earlier than this. Durable when it resolves. */
  move(seconds: number, by: 'one person' | 'two people'): Promise<void>;
  /** Gives out a nonce of now. */
  nonce(): Uint8Array;
}

/** All that tasks work with. What a board does not have is absent. */
export interface TaskServices {
  readonly identity: DeviceIdentity;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly measures?: MeasureSink | undefined;
  readonly store: StateStore;
  readonly audit: AuditLog;
  /** Whose orders count; absent where that never changes. */
  readonly keyring?: KeyringHolder;
  /** Absent where nobody signs time. */
  readonly time?: SignedTime;
  /** What this device knows of the fleet's budget for destructive orders. */
  readonly budget: Budget;
  readonly power: HostPower;
  readonly custody: Custody;
  readonly lockout: Lockout;
  readonly switches: readonly DriveSwitch[];
  /** Drives whose own lock the board can ask. */
  readonly drives?: readonly DriveSecurity[];
  /** Tells drives that this device has locked from those that somebody else has. */
  readonly driveLocks?: Pick<DriveLocks, 'fact'>;
  readonly editor: VolumeEditor;
  readonly memory?: MemoryProbe;
  readonly io?: IoDevices;
  /** What the bytes of a channel say, where it is known how they are laid out. */
  readonly contents?: (channel: Channel, bytes: Uint8Array) => Promise<ResultOf<'io.read'>['contents']>;
  /** Absent where the board can show its host no disk of its own. */
  readonly media?: MediaDesk;
  /** Disks that are chains of drives, where there are any. */
  readonly chains?: readonly ChainControl[];
  readonly blocks: BlockPort;
  /**
   * True while this device has no network and neighbours in the chain carry its orders and receipts; absent for never. With an
   * order's id: unless its blocks need no network.
   */
  readonly byNeighbour?: (id?: Uint8Array) => boolean;
  /** Paths that no order may change, by board and policy; each covers all below it. */
  readonly protectedPaths: readonly string[];
  readonly tasks: TaskTable;
  /** Orders that wait for their host; absent: none may be staged. */
  readonly staged?: StagedDesk;
  readonly limits: {
    /** The largest file that is staged, in bytes. */
    readonly stagedFile: number;
  };
  /** Absent where the agent is a program of its machine, and no firmware. */
  readonly firmware?: OwnFirmware;
  /** Monotonic moment of the agent's start. */
  readonly startedAt: number;
  /** How near the absence lock is, a sentence each; absent where it is not switched on. */
  readonly absence?: () => readonly string[];
  /** What the configuration has switched off, a sentence each. */
  readonly insecure?: readonly string[];
}
