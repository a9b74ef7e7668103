import {
  type Duration,
  milliseconds,
  orAborted,
  type Refusal,
  refusal,
  refuse,
  seconds,
  type Verdict,
} from '../base/index.ts';
import type { Clock, DriveSwitch, HostPower, LogSink, MeasureSink, SwitchPosition } from '../ports/index.ts';
import { DiskCustody, type HandBack, type LeaseRequest } from './disk-custody.ts';
import type { Lease } from './lease.ts';

/** Reasons for which nobody may have a disk; the first that applies is the one told. */
const DOORS = ['disabled', 'enabling', 'waking'] as const;
export type Door = (typeof DOORS)[number];

export interface CustodyOptions {
  readonly power: HostPower;
  readonly drives: readonly DriveSwitch[];
  readonly clock: Clock;
  readonly log: LogSink;
  readonly measures?: MeasureSink | undefined;
  /** How long a disk is kept after its last lease, for the next one; none by default. */
  readonly linger?: Duration;
  /** The longest to wait for a switch to hand a disk over; 30 s by default. */
  readonly takeLimit?: Duration;
}

export interface DiskReport {
  readonly name: string;
  readonly position: SwitchPosition;
  readonly holder?: string;
  /** How long the holders have had it, and when the last of their leases ends by itself. */
  readonly heldForMs?: number;
  readonly leaseLeftMs?: number;
  readonly handBackMs: number;
}

/**
 * Who has the host's disks. A disk is the host's unless a lease is out on it. Every lease is judged by the power table,
 * before and after the switch has moved, and ends when the host wants its disk, whatever its holder does.
 */
export class Custody {
  readonly #disks: ReadonlyMap<string, DiskCustody>;
  readonly #clock: Clock;
  readonly #doors = new Map<Door, Refusal>();

  constructor(options: CustodyOptions) {
    const { power, clock, log, measures } = options;
    this.#clock = clock;
    const linger = options.linger ?? milliseconds(0);
    const takeLimit = options.takeLimit ?? seconds(30);
    const door = () => this.closedBy();
    let unrests = 0;
    power.onChange((reading) => {
      if (!reading.certain || reading.state === 'S0') unrests += 1;
    });
    this.#disks = new Map(
      options.drives.map((drive) => [
        drive.disk,
        new DiskCustody({
          drive,
          power,
          clock,
          log,
          measures,
          linger,
          takeLimit,
          door,
          unrests: () => unrests,
        }),
      ]),
    );
  }

  /** "disk0", … in the board's order. */
  get disks(): readonly string[] {
    return [...this.#disks.keys()];
  }

  get drives(): readonly DriveSwitch[] {
    return [...this.#disks.values()].map((disk) => disk.drive);
  }

  /**
   * Lends a disk. Refuses with the power table's codes, NO_SUCH_DISK, DISK_BUSY, HOST_WAKING, DISABLED or
   * CUSTODY_UNAVAILABLE; throws the signal's reason where that comes first.
   */
  lease(request: LeaseRequest): Promise<Verdict<Lease>> {
    const disk = this.#disks.get(request.disk);
    if (disk) return disk.lease(request);
    const known = this.disks.length === 0 ? 'none' : this.disks.join(', ');
    return Promise.resolve(
      refuse('NO_SUCH_DISK', `There is no disk ${request.disk}; this host has ${known}.`),
    );
  }

  /**
   * Brings every drive home, wherever an earlier run left it. Call it once, after the lockout has been reasserted (a
   * disabled machine's drives stay held) and before the first lease; a redo log that waits takes its own lease then.
   */
  async start(): Promise<void> {
    await this.handBack(refusal('CUSTODY_UNAVAILABLE', 'The agent has only just started.'));
  }

  /** Why no lease is given now, if so. */
  closedBy(): Refusal | undefined {
    for (const door of DOORS) {
      const why = this.#doors.get(door);
      if (why) return why;
    }
    return undefined;
  }

  /** From now on leases are refused for this reason. Leases that are out are not touched: see `handBack`. */
  close(door: Door, why: Refusal): void {
    this.#doors.set(door, why);
  }

  open(door: Door): void {
    this.#doors.delete(door);
  }

  /**
   * Ends all leases and brings every drive home, each within its board's time: to the host, or held from it while
   * `disabled` is closed. Close a door first, or the next lease takes the disk again.
   */
  handBack(why: Refusal): Promise<readonly HandBack[]> {
    const to = this.#doors.has('disabled') ? 'held' : 'host';
    return Promise.all([...this.#disks.values()].map((disk) => disk.handBack(why, to)));
  }

  /** Every disk with where its switch really is, for the status. */
  report(): Promise<readonly DiskReport[]> {
    return Promise.all(
      [...this.#disks.values()].map(async (disk) => {
        const holder = disk.holders();
        return {
          name: disk.disk,
          position: await this.#position(disk.drive),
          ...(holder === undefined ? {} : { holder }),
          ...disk.times(),
          handBackMs: Math.round(disk.drive.capabilities.handBack),
        };
      }),
    );
  }

  async #position(drive: DriveSwitch): Promise<SwitchPosition> {
    const deadline = this.#clock.deadline(seconds(1), `the position of ${drive.disk}`);
    try {
      return await orAborted(drive.position(deadline.signal), deadline.signal);
    } catch {
      return 'unknown';
    } finally {
      deadline.release();
    }
  }
}
