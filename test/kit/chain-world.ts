import { SimChain } from '../../src/adapters/sim/chain/index.ts';
import { CSI, DSI, millis, readRegisters, type Unit, type UnitOrder } from '../../src/sata-chain/index.ts';

/** Something that happens to a chain. `at` picks the unit, modulo their number. */
export type Mishap =
  | { readonly do: 'pull drive' | 'plug drive' | 'drive dies' | 'drive heals'; readonly at: number }
  | { readonly do: 'pull cable' | 'plug cable'; readonly at: number }
  | { readonly do: 'power off' | 'power on'; readonly at: number }
  | { readonly do: 'host reset' | 'host off' | 'host on' }
  | { readonly do: 'partial' | 'slumber' | 'wake'; readonly at: number }
  | { readonly do: UnitOrder; readonly at: number };

/** A simulated chain that remembers what was done to it, so that the truth is known without asking any unit. */
export class ChainWorld {
  readonly chain: SimChain;
  readonly size: number;
  readonly whole: number;
  readonly #powered: boolean[];
  readonly #alive: boolean[];
  #hostOn = false;

  constructor(units: number) {
    this.size = units;
    this.chain = new SimChain({ units });
    this.whole = (1000 * units * (units + 1)) / 2;
    this.#powered = new Array<boolean>(units).fill(false);
    this.#alive = new Array<boolean>(units).fill(true);
  }

  /** All units of a chain below mirrors. */
  keepPlaces(): void {
    for (const unit of this.chain.units) unit.give({ is: 'places', keep: true });
    this.chain.wheel.run(millis(10));
  }

  start(): void {
    for (let i = 0; i < this.size; i += 1) this.apply({ do: 'power on', at: i });
    this.apply({ do: 'host on' });
    this.chain.wheel.run(millis(2000));
  }

  apply(mishap: Mishap): void {
    const { chain } = this;
    const at = 'at' in mishap ? mishap.at % this.size : 0;
    switch (mishap.do) {
      case 'pull drive':
        chain.driveCables[at]!.pull();
        break;
      case 'plug drive':
        chain.driveCables[at]!.plug();
        break;
      case 'drive dies':
      case 'drive heals':
        this.#alive[at] = mishap.do === 'drive heals';
        chain.drives[at]!.die(!this.#alive[at]);
        chain.drives[at]!.power(false);
        chain.drives[at]!.power(this.#powered[at]!);
        break;
      case 'pull cable':
        chain.above[at]!.pull();
        break;
      case 'plug cable':
        chain.above[at]!.plug();
        break;
      case 'power off':
      case 'power on':
        this.#powered[at] = mishap.do === 'power on';
        chain.power(at, this.#powered[at]);
        break;
      case 'host reset':
        chain.host.reset();
        break;
      case 'host off':
      case 'host on':
        this.#hostOn = mishap.do === 'host on';
        chain.host.power(this.#hostOn);
        break;
      case 'partial':
      case 'slumber':
        chain.units[at]!.give({ is: 'sleep', port: 'pto', depth: mishap.do });
        break;
      case 'wake':
        chain.units[at]!.give({ is: 'wake', port: 'pto' });
        break;
      case 'resync':
      case 'own':
      case 'hand-back':
      case 'disable':
      case 'enable':
      case 'go-degraded':
        chain.units[at]!.order(mishap.do);
        break;
    }
  }

  /** Puts everything back as it was at the start, and waits until every wait has ended. */
  heal(): void {
    for (let at = 0; at < this.size; at += 1) {
      this.apply({ do: 'hand-back', at });
      this.apply({ do: 'enable', at });
      this.apply({ do: 'drive heals', at });
      this.apply({ do: 'plug drive', at });
      this.apply({ do: 'plug cable', at });
      this.apply({ do: 'power on', at });
      // A lock that was still under way falls before power, or has to be taken off after it.
      this.chain.wheel.run(millis(5));
      this.apply({ do: 'enable', at });
    }
    this.apply({ do: 'host on' });
    this.settle();
  }

  /** Long enough for each member in turn to be given up, and for a host to try as often as it does. */
  settle(): void {
    // Nobody hears a sleeping partner go: any command wakes the links that it takes.
    for (const unit of this.chain.units) {
      for (const port of ['pti', 'pto', 'ddi'] as const) unit.give({ is: 'wake', port });
    }
    this.chain.wheel.run(millis(150_000));
  }

  /** Everything that should be true at rest and is not. */
  lies(): string[] {
    const lies: string[] = [];
    const say = (i: number, what: string, told: unknown, truth: unknown) => {
      if (told !== truth) lies.push(`unit ${i}: ${what} is ${String(told)}, in truth ${String(truth)}`);
    };
    for (let i = 0; i < this.size; i += 1) {
      const unit = this.chain.units[i]!.state;
      if (!this.#powered[i]) continue;
      const { csi: csiWord, dsi: dsiWord, ...beside } = readRegisters(unit);
      const csi = CSI.decode(csiWord);
      const dsi = DSI.decode(dsiWord);
      const below = this.#whole(i + 1) && this.chain.above[i + 1]!.plugged;
      const whole = this.#whole(i);
      say(i, 'DSI.identified', dsi.identified, this.#drive(i));
      say(i, 'CSI.downReady', csi.downReady, below);
      say(i, 'CSI.unitsBelow', csi.unitsBelow, below ? this.size - i - 1 : 0);
      say(i, 'CSI.endOfChain', csi.endOfChain, !this.#neighbour(i + 1));
      say(i, 'CSI.upPhy', csi.upPhy, this.#neighbour(i));
      say(i, 'CSI.held', csi.held, !whole);
      say(i, 'SECTORS_BELOW', beside.sectorsBelow, below ? this.#sum(i + 1) : 0);
      say(i, 'PRESENTED_SECTORS', beside.presentedSectors, whole && this.#neighbour(i) ? this.#sum(i) : 0);
      say(
        i,
        'state',
        unit.t.state,
        !whole ? 'T2H' : unit.t.state === 'T3' && !this.#neighbour(i) ? 'T3' : 'T4',
      );
    }
    const disk = this.chain.host.disk?.sectors;
    const truth = this.#whole(0) && this.#neighbour(0) ? this.whole : undefined;
    if (disk !== truth) lies.push(`the host has ${String(disk)} sectors, in truth ${String(truth)}`);
    return lies;
  }

  /** Disks that the host ever took and that were not the whole. */
  partial(): number[] {
    return this.chain.host.disks.flatMap((disk) =>
      disk && disk.sectors !== this.whole ? [disk.sectors] : [],
    );
  }

  states(): string[] {
    return this.chain.units.map(({ state }) => describe(state));
  }

  #drive(i: number): boolean {
    return this.#powered[i]! && this.#alive[i]! && this.chain.driveCables[i]!.plugged;
  }

  /** Unit i and all below are there, each with its drive. */
  #whole(i: number): boolean {
    if (i === this.size) return false;
    if (!this.#powered[i] || !this.#drive(i)) return false;
    return i === this.size - 1 || (this.chain.above[i + 1]!.plugged && this.#whole(i + 1));
  }

  /** Both ends of cable i have power, and it is plugged. */
  #neighbour(i: number): boolean {
    if (i === this.size || !this.chain.above[i]!.plugged) return false;
    return this.#powered[i]! && (i === 0 ? this.#hostOn : this.#powered[i - 1]!);
  }

  #sum(from: number): number {
    let sum = 0;
    for (let i = from; i < this.size; i += 1) sum += 1000 * (i + 1);
    return sum;
  }
}

const describe = ({ t, pti, pto, ddi }: Unit): string =>
  `${t.state} local ${t.local.is} below ${t.below.is} pti ${pti.state} pto ${pto.state} ddi ${ddi.state}`;
