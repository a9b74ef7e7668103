import { FaultyLink } from '../../src/adapters/chain-link/faulty-link.ts';
import { type InProcessPair, inProcessPair } from '../../src/adapters/chain-link/in-process.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { Wheel } from '../../src/adapters/sim/chain/index.ts';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { milliseconds } from '../../src/base/index.ts';
import type { ChainLink, StateStore } from '../../src/ports/index.ts';
import { type Envelope, millis, RelayNode, type RelayNodeOptions } from '../../src/sata-chain/index.ts';
import { MemoryState } from './memory-state.ts';

/** Own storage as one run of a program has it: after a power cut nothing that the run still does is kept. */
function runOf(store: StateStore): { readonly store: StateStore; cut(): void } {
  let alive = true;
  const never = new Promise<never>(() => undefined);
  return {
    cut: () => {
      alive = false;
    },
    store: {
      readDocument: (name) => store.readDocument(name),
      writeDocument: (name, bytes) => (alive ? store.writeDocument(name, bytes) : never),
      remove: (name) => (alive ? store.remove(name) : never),
      names: (prefix) => store.names(prefix),
      region: (name, size) => store.region(name, size),
      stagedFile: (name, size) => store.stagedFile(name, size),
      free: () => store.free(),
    },
  };
}

interface Unit {
  readonly name: string;
  readonly links: ChainLink[];
  readonly store: MemoryState;
  node: RelayNode | undefined;
  cut: () => void;
  /** What was handed over, by envelope nonce. */
  readonly got: Envelope[];
  /** Power cuts. */
  cuts: number;
  offers: number;
}

export interface RelayNetOptions {
  readonly units: number;
  /** Pairs of units that have a cable between them. */
  readonly cables: readonly (readonly [number, number])[];
  readonly loss?: number;
  readonly seed?: number;
  /** Those that take what is for any gateway: from everybody, or from the units named. */
  readonly gateways?: readonly number[] | Readonly<Record<number, readonly string[]>>;
  readonly node?: Partial<RelayNodeOptions>;
}

function gatewayOf(unit: number, gateways: RelayNetOptions['gateways'] = []): boolean | readonly string[] {
  const named: unknown = (gateways as Readonly<Record<number, unknown>>)[unit];
  return Array.isArray(gateways) ? gateways.includes(unit) : Array.isArray(named) ? named : false;
}

/** Units with relays on virtual time, and cables between them that lose frames and can be cut. */
export class RelayNet {
  readonly wheel = new Wheel();
  readonly units: Unit[];
  readonly cables: InProcessPair[] = [];
  /** Called for what is handed over; rejects to refuse it. */
  onDelivery: (unit: number, envelope: Envelope) => Promise<void> = async () => undefined;
  readonly #options: RelayNetOptions;
  readonly #entropy: SeededEntropy;
  #numbers = 0;

  constructor(options: RelayNetOptions) {
    this.#options = options;
    this.#entropy = new SeededEntropy(options.seed ?? 1);
    this.units = Array.from({ length: options.units }, (_, i) => ({
      name: `unit${i}`,
      links: [],
      store: new MemoryState(),
      node: undefined,
      cut: () => undefined,
      got: [],
      cuts: 0,
      offers: 0,
    }));
    for (const [n, sides] of options.cables.entries()) {
      const pair = inProcessPair(this.wheel, {
        name: `cable${n}`,
        delay: milliseconds(1),
        largestFrame: 1024,
      });
      this.cables.push(pair);
      sides.forEach((unit, side) => {
        const faults = { loss: options.loss ?? 0 };
        const link = new FaultyLink(pair.ends[side as 0 | 1], this.wheel, this.#entropy, faults);
        this.units[unit]!.links.push(link);
      });
    }
  }

  async start(): Promise<this> {
    for (const i of this.units.keys()) await this.powerOn(i);
    return this;
  }

  async powerOn(i: number): Promise<void> {
    const node = await this.node(i);
    const unit = this.units[i]!;
    unit.node = node;
    node.start(async (envelope) => {
      await this.onDelivery(i, envelope);
      unit.got.push(envelope);
    });
  }

  /** A unit's relay, opened and not started. */
  async node(i: number): Promise<RelayNode> {
    const unit = this.units[i]!;
    const run = runOf(unit.store);
    unit.cut = () => run.cut();
    return RelayNode.open({
      self: unit.name,
      gateway: gatewayOf(i, this.#options.gateways),
      links: unit.links,
      store: run.store,
      scheduler: this.wheel,
      clock: new VirtualClock(),
      entropy: this.#entropy,
      log: silentLog,
      newIncarnation: () => {
        this.#numbers += 1;
        return this.#numbers;
      },
      ...this.#options.node,
    });
  }

  /** Power off between one instant and the next; what was not yet in storage is lost. */
  powerOff(i: number): void {
    const unit = this.units[i]!;
    unit.cut();
    unit.offers += unit.node?.offers ?? 0;
    void unit.node?.close();
    unit.node = undefined;
    unit.cuts += 1;
  }

  get offers(): number {
    return this.units.reduce((sum, { offers, node }) => sum + offers + (node?.offers ?? 0), 0);
  }

  /** Moves virtual time, letting promises settle on the way. */
  async pass(ms: number): Promise<void> {
    const until = this.wheel.now() + millis(ms);
    await turn();
    while (this.wheel.step(until)) await turn();
    this.wheel.run((until - this.wheel.now()) as ReturnType<typeof millis>);
    await turn();
  }

  async until(holds: () => boolean, ms: number): Promise<void> {
    for (let waited = 0; !holds(); waited += 100) {
      if (waited > ms) throw new Error(`never came true: ${holds.toString()}`);
      await this.pass(100);
    }
  }
}

async function turn(): Promise<void> {
  for (let i = 0; i < 12; i += 1) await Promise.resolve();
}
