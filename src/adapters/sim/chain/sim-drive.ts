import {
  DEVICE_PHY,
  type DevicePhyState,
  type Found,
  foundIn,
  isUp,
  millis,
  type Nanoseconds,
  newPhy,
  type Phy,
  type PhyEvent,
  type PhyTimings,
  type Scheduler,
  stepDevicePhy,
} from '../../../sata-chain/index.ts';
import type { CableEnd, SimCable } from './cable.ts';

export interface SimDriveOptions {
  readonly serial: string;
  readonly sectors: number;
  readonly sectorSize?: 512 | 4096;
  readonly fastest?: 1 | 2 | 3;
  /** From power on to the signature. */
  readonly spinUp?: Nanoseconds;
}

/** A drive as its cable sees it: a device phy, a signature once it has spun up, and an identity. */
export class SimDrive implements CableEnd {
  readonly #cable: SimCable;
  readonly #scheduler: Scheduler;
  readonly #timings: PhyTimings;
  readonly #spinUp: Nanoseconds;
  #found: Found | undefined;
  #phy: Phy<DevicePhyState>;
  #stopTimer: (() => void) | undefined;
  #stopSpin: (() => void) | undefined;
  #spun = false;
  #dead = false;

  constructor(scheduler: Scheduler, cable: SimCable, timings: PhyTimings, options: SimDriveOptions) {
    this.#scheduler = scheduler;
    this.#cable = cable;
    this.#timings = timings;
    this.#spinUp = options.spinUp ?? millis(2);
    this.#phy = newPhy('DP1', options.fastest ?? 3);
    this.#found = driveFound(options);
    cable.attach('device', this);
  }

  power(on: boolean): void {
    if (on === (this.#phy.line === 'run')) return;
    if (!on) {
      this.#spun = false;
      this.#stopSpin?.();
      this.#step({ is: 'line', line: 'OFF' });
      return;
    }
    this.#step({ is: 'line', line: 'RUN' });
    this.#stopSpin = this.#scheduler.after(this.#spinUp, () => {
      this.#spun = true;
      this.#sign();
    });
  }

  /** Its electronics answer out-of-band signals and never a command; undone by `die(false)` and a power cycle. */
  die(dead = true): void {
    this.#dead = dead;
  }

  /** Another drive in the same place, or the same one that says another size. Seen at the next IDENTIFY. */
  become(options: SimDriveOptions): void {
    this.#found = driveFound(options);
  }

  hear(level: Phy<string>['heard']): void {
    this.#step({ is: 'level', level });
  }

  signature(): void {}

  identity(): Found | undefined {
    return this.#spun && !this.#dead && isUp(DEVICE_PHY, this.#phy) ? this.#found : undefined;
  }

  #step(event: PhyEvent): void {
    const { phy, transmit, timer, notices } = stepDevicePhy(this.#phy, event, this.#timings);
    this.#phy = phy;
    if (timer !== undefined) this.#stopTimer?.();
    if (timer !== undefined && timer !== 'stop') {
      this.#stopTimer = this.#scheduler.after(timer.after, () => this.#step({ is: 'timer' }));
    }
    if (transmit !== undefined) this.#cable.transmit('device', transmit);
    if (notices.includes('up')) this.#sign();
  }

  #sign(): void {
    if (this.#spun && !this.#dead && isUp(DEVICE_PHY, this.#phy)) this.#cable.signature();
  }
}

function driveFound(options: SimDriveOptions): Found | undefined {
  return foundIn({
    serial: options.serial,
    sectors: options.sectors,
    sectorSize: options.sectorSize ?? 512,
    physicalSectorSize: options.sectorSize ?? 512,
    firmware: 'SIM',
    model: 'SIM DRIVE',
    features: { ncqDepth: 32, trim: true, fua: true, writeCache: true, smart: true },
    rotation: 1,
    generation: options.fastest ?? 3,
  });
}
