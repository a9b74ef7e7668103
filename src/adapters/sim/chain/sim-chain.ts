import {
  HOST_PORT_TIMINGS,
  millis,
  type Nanoseconds,
  nanoseconds,
  type Port,
  UNIT_TIMINGS,
  type UnitTimings,
} from '../../../sata-chain/index.ts';
import { SimCable } from './cable.ts';
import { SimDrive, type SimDriveOptions } from './sim-drive.ts';
import { SimHost } from './sim-host.ts';
import { SimUnit } from './sim-unit.ts';
import { Wheel } from './wheel.ts';

export interface SimChainOptions {
  readonly units: number;
  /** Of unit i; undefined for an empty place. By default 1,000 × (i + 1) sectors. */
  readonly drive?: (unit: number) => SimDriveOptions | undefined;
  readonly fastest?: (unit: number) => { readonly [P in Port]?: 1 | 2 | 3 };
  readonly timings?: UnitTimings;
  /** One way along one cable; 5 ns, a metre, by default. */
  readonly cableDelay?: Nanoseconds;
  /** Chain id that each unit was enrolled in; blank by default. */
  readonly chain?: (unit: number) => string | undefined;
}

/** Everything in one virtual world: a host, N units one behind the other, a drive and a power switch for each. All dark. */
export class SimChain {
  readonly wheel = new Wheel();
  readonly host: SimHost;
  readonly units: SimUnit[] = [];
  readonly drives: SimDrive[] = [];
  /** above[i] leads to unit i's PTI; above[N] hangs open from the last unit. */
  readonly above: SimCable[] = [];
  /** drive[i] leads from unit i to its drive. */
  readonly driveCables: SimCable[] = [];

  constructor(options: SimChainOptions) {
    const timings = options.timings ?? UNIT_TIMINGS;
    const delay = options.cableDelay ?? nanoseconds(5);
    const driveOf = options.drive ?? ((i) => ({ serial: `SIM${i}`, sectors: 1000 * (i + 1) }));
    for (let i = 0; i <= options.units; i += 1) this.above.push(new SimCable(this.wheel, delay));
    for (let i = 0; i < options.units; i += 1) {
      const ddi = new SimCable(this.wheel, delay);
      const given = driveOf(i);
      const drive = new SimDrive(this.wheel, ddi, timings.phy, given ?? { serial: `SIM${i}`, sectors: 0 });
      if (!given) ddi.pull();
      const chain = options.chain?.(i);
      const record = {
        unit: i.toString(16).padStart(16, '0'),
        locked: false,
        epoch: 0,
        ...(chain === undefined ? {} : { chain }),
      };
      const cables = { pti: this.above[i]!, pto: this.above[i + 1]!, ddi };
      this.units.push(new SimUnit(this.wheel, cables, timings, record, options.fastest?.(i)));
      this.drives.push(drive);
      this.driveCables.push(ddi);
    }
    this.host = new SimHost(this.wheel, this.above[0]!, { ...HOST_PORT_TIMINGS, phy: timings.phy });
  }

  /** Power of one unit and its drive. */
  power(unit: number, on: boolean): void {
    this.units[unit]?.power(on);
    this.drives[unit]?.power(on);
  }

  /** Everything on at once, the host last, then so long to settle. */
  start(length: Nanoseconds = millis(2000)): void {
    for (let i = 0; i < this.units.length; i += 1) this.power(i, true);
    this.host.power(true);
    this.wheel.run(length);
  }

  /** COMINITs that devices sent on the cables between host and units, answers to COMRESET included. */
  get cominits(): number {
    return this.above.reduce((sum, cable) => sum + cable.cominits, 0);
  }
}
