import type { DeviceIdentity } from '../ata/identity.ts';
import type { Generation } from '../phy/level.ts';
import { SATA_TIMINGS } from '../phy/timings.ts';
import type { Plug } from '../plug.ts';
import { AtaFault, type SataTarget } from '../target.ts';
import type { Scheduler } from '../time.ts';
import { Inbox } from '../unit/inbox.ts';
import { Listeners } from '../unit/listeners.ts';
import { TimerSlots } from '../unit/timer-slots.ts';
import {
  HOST_PORT_TIMINGS,
  type HostPort,
  type HostPortInput,
  type HostPortOutput,
  type HostPortTimings,
  newHostPort,
  stepHostPort,
} from './host-port.ts';

export interface HbaOptions {
  readonly scheduler: Scheduler;
  readonly plug: Plug;
  readonly timings?: HostPortTimings;
  readonly fastest?: Generation;
}

type Disk = DeviceIdentity;

/**
 * A standard host's SATA port at work, and what an export of a chain stands on: it has a disk or none, and says so. When
 * the link drops or COMINIT says that the disk may be another one, every command under way fails at once as
 * NS_ATA_ABORTED, and so do new ones until the disk has been identified again.
 */
export class Hba {
  readonly target: SataTarget;
  readonly #plug: Plug;
  readonly #timings: HostPortTimings;
  readonly #timers: TimerSlots<'phy' | 'wait'>;
  readonly #disks = new Listeners<[Disk | undefined]>();
  readonly #underWay = new Set<(reason: AtaFault) => void>();
  readonly #inbox = new Inbox<HostPortInput<Disk>>((input) => this.#work(input));
  readonly #leaves: readonly (() => void)[];
  #question: AbortController | undefined;
  #port: HostPort<Disk>;

  constructor(options: HbaOptions) {
    const { plug } = options;
    this.#plug = plug;
    this.#timings = options.timings ?? { ...HOST_PORT_TIMINGS, phy: SATA_TIMINGS };
    this.#port = newHostPort(options.fastest ?? 3);
    this.#timers = new TimerSlots(options.scheduler, (timer) => this.#give({ is: 'timer', timer }));
    this.#leaves = [
      plug.wire.onLevel((level) => this.#give({ is: 'level', level })),
      plug.onSignature(() => this.#give({ is: 'signature' })),
    ];
    this.target = this.#gate(plug.target);
  }

  get port(): HostPort<Disk> {
    return this.#port;
  }

  /** A disk without sectors is none: a unit without drives is not worth a block device. */
  get disk(): Disk | undefined {
    return this.#port.disk && this.#port.disk.sectors > 0 ? this.#port.disk : undefined;
  }

  /** Called at each change, never twice with none. */
  onDisk(listener: (disk: Disk | undefined) => void): () => void {
    return this.#disks.add(listener);
  }

  powerOn(): void {
    this.#give({ is: 'power', on: true });
  }

  powerOff(): void {
    this.#give({ is: 'power', on: false });
  }

  /** COMRESET by the host's own will. */
  reset(): void {
    this.#give({ is: 'reset' });
  }

  /** Powers off and lets go of the plug. */
  close(): void {
    this.powerOff();
    this.#timers.stopAll();
    for (const leave of this.#leaves) leave();
  }

  #give(input: HostPortInput<Disk>): void {
    this.#inbox.give(input);
  }

  #work(input: HostPortInput<Disk>): void {
    const before = this.disk;
    const { port, outputs } = stepHostPort(this.#port, input, this.#timings);
    this.#port = port;
    if (port.state !== 'identifying') this.#question?.abort();
    for (const output of outputs) this.#do(output);
    if (this.disk !== before) this.#changed();
  }

  #do(output: HostPortOutput<Disk>): void {
    switch (output.is) {
      case 'transmit':
        this.#plug.wire.transmit(output.level);
        break;
      case 'start':
        this.#timers.start(output.timer, output.after);
        break;
      case 'stop':
        this.#timers.stop(output.timer);
        break;
      case 'identify':
        void this.#identify();
        break;
      case 'disk':
        break;
    }
  }

  #changed(): void {
    const gone = noDisk();
    for (const reject of this.#underWay) reject(gone);
    this.#underWay.clear();
    this.#disks.call(this.disk);
  }

  async #identify(): Promise<void> {
    this.#question?.abort();
    const question = new AbortController();
    this.#question = question;
    let disk: Disk | undefined;
    try {
      disk = await this.#plug.target.identify(question.signal);
    } catch {
      // No answer is an answer: the host resets and asks again.
    }
    if (!question.signal.aborted) this.#give({ is: 'identity', disk });
  }

  #gate(target: SataTarget): SataTarget {
    const run = <T>(command: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        if (this.disk === undefined) {
          reject(noDisk());
          return;
        }
        this.#underWay.add(reject);
        command().then(
          (value) => {
            this.#underWay.delete(reject);
            resolve(value);
          },
          (error: unknown) => {
            this.#underWay.delete(reject);
            reject(error as Error);
          },
        );
      });
    return {
      identify: (signal) => run(() => target.identify(signal)),
      read: (lba, into, signal) => run(() => target.read(lba, into, signal)),
      write: (lba, data, fua, signal) => run(() => target.write(lba, data, fua, signal)),
      verify: (lba, count, signal) => run(() => target.verify(lba, count, signal)),
      trim: (ranges, signal) => run(() => target.trim(ranges, signal)),
      flush: (signal) => run(() => target.flush(signal)),
      smartStatus: (signal) => run(() => target.smartStatus(signal)),
    };
  }
}

const noDisk = (): AtaFault => new AtaFault('ABORTED', 'the host has no disk at this port now');
