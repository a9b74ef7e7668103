import { DEVICE_PHY, type DevicePhyState, stepDevicePhy } from '../phy/device-phy.ts';
import type { Generation, Level } from '../phy/level.ts';
import { newPhy, type Phy, type PhyEvent } from '../phy/phy.ts';
import { isUp } from '../phy/table.ts';
import { type PhyTimings, SATA_TIMINGS } from '../phy/timings.ts';
import type { Plug } from '../plug.ts';
import { AtaFault, type SataTarget } from '../target.ts';
import { type Nanoseconds, nanoseconds, type Scheduler } from '../time.ts';
import { Inbox } from '../unit/inbox.ts';
import { Listeners } from '../unit/listeners.ts';
import { TimerSlots } from '../unit/timer-slots.ts';
import { WorkUnderWay } from '../unit/work-under-way.ts';

export interface DrivePlugOptions {
  readonly timings?: PhyTimings;
  readonly fastest?: Generation;
  /** From power on to the first signature; none by default. */
  readonly spinUp?: Nanoseconds;
}

/**
 * The signals of a drive, in front of whatever serves its commands: a device phy, and a signature once it has spun up and
 * nothing that was begun before is still at work in it.
 */
export class DrivePlug implements Plug {
  readonly wire: Plug['wire'];
  /** Aborts every command while there is no power, or no link, and what is under way when it loses that. */
  readonly target: SataTarget;
  readonly #scheduler: Scheduler;
  readonly #timings: PhyTimings;
  readonly #spinUp: Nanoseconds;
  readonly #levels = new Listeners<[Level]>();
  readonly #signatures = new Listeners<[]>();
  readonly #timers: TimerSlots<'phy' | 'spin'>;
  readonly #inbox = new Inbox<PhyEvent>((event) => this.#step(event));
  readonly #work = new WorkUnderWay();
  /** How to fail what is under way. */
  readonly #fail = new Set<(fault: AtaFault) => void>();
  #spun = false;
  /** The signature waits for old work to end. */
  #signing = false;
  #phy: Phy<DevicePhyState>;

  constructor(scheduler: Scheduler, target: SataTarget, options: DrivePlugOptions = {}) {
    this.#scheduler = scheduler;
    this.#timings = options.timings ?? SATA_TIMINGS;
    this.#spinUp = options.spinUp ?? nanoseconds(0);
    this.#phy = newPhy('DP1', options.fastest ?? 3);
    this.#timers = new TimerSlots(this.#scheduler, (name) => {
      if (name === 'phy') this.#give({ is: 'timer' });
      else this.#ready();
    });
    this.target = {
      identify: (signal) => this.#run(() => target.identify(signal)),
      read: (lba, into, signal) => this.#run(() => target.read(lba, into, signal)),
      write: (lba, data, fua, signal) => this.#run(() => target.write(lba, data, fua, signal)),
      verify: (lba, count, signal) => this.#run(() => target.verify(lba, count, signal)),
      trim: (ranges, signal) => this.#run(() => target.trim(ranges, signal)),
      flush: (signal) => this.#run(() => target.flush(signal)),
      smartStatus: (signal) => this.#run(() => target.smartStatus(signal)),
    };
    this.wire = {
      transmit: (level) => this.#give({ is: 'level', level }),
      onLevel: (listener) => this.#levels.add(listener),
    };
  }

  onSignature(listener: () => void): () => void {
    return this.#signatures.add(listener);
  }

  powerOn(): void {
    if (this.#phy.line === 'run') return;
    this.#give({ is: 'line', line: 'RUN' });
    if (this.#spinUp === 0) this.#ready();
    else this.#timers.start('spin', this.#spinUp);
  }

  powerOff(): void {
    this.#spun = false;
    this.#timers.stopAll();
    this.#give({ is: 'line', line: 'OFF' });
  }

  #ready(): void {
    this.#spun = true;
    this.#sign();
  }

  get #linked(): boolean {
    return this.#spun && isUp(DEVICE_PHY, this.#phy);
  }

  #sign(): void {
    if (!this.#linked) return;
    if (this.#work.idle) this.#signatures.call();
    else if (!this.#signing) {
      this.#signing = true;
      void this.#work.over().then(() => {
        this.#signing = false;
        this.#sign();
      });
    }
  }

  #run<T>(command: () => Promise<T>): Promise<T> {
    if (!this.#linked || this.#signing) return Promise.reject(noLink());
    return new Promise((resolve, reject) => {
      this.#fail.add(reject);
      this.#work.add(command()).then(
        (value) => {
          this.#fail.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#fail.delete(reject);
          reject(error as Error);
        },
      );
    });
  }

  #failAll(): void {
    const fault = noLink();
    for (const fail of this.#fail) fail(fault);
    this.#fail.clear();
  }

  #give(event: PhyEvent): void {
    this.#inbox.give(event);
  }

  #step(event: PhyEvent): void {
    if (event.is === 'timer' && this.#phy.timer === null) return;
    const { phy, transmit, timer, notices } = stepDevicePhy(this.#phy, event, this.#timings);
    this.#phy = phy;
    if (!isUp(DEVICE_PHY, phy) && this.#fail.size > 0) this.#failAll();
    if (timer === 'stop') this.#timers.stop('phy');
    else if (timer) this.#timers.start('phy', timer.after);
    if (transmit !== undefined) this.#levels.call(transmit);
    if (notices.includes('up')) this.#sign();
  }
}

const noLink = (): AtaFault => new AtaFault('ABORTED', 'the drive has no link');
