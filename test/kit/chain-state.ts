import { bytes, milliseconds } from '../../src/base/index.ts';
import type { ChainFrame, ChainLink } from '../../src/ports/index.ts';
import {
  millis,
  type Nanoseconds,
  nanoseconds,
  type Scheduler,
  type SyncRecord,
  type UnitFacts,
  UnitSync,
} from '../../src/sata-chain/index.ts';

/** A scheduler that stands still until it is run. */
export class HandScheduler implements Scheduler {
  #now = 0;
  #order = 0;
  readonly #due: { at: number; order: number; fire: () => void }[] = [];

  now(): Nanoseconds {
    return nanoseconds(this.#now);
  }

  after(delay: Nanoseconds, fire: () => void): () => void {
    this.#order += 1;
    const timer = { at: this.#now + delay, order: this.#order, fire };
    const later = this.#due.findIndex((each) => each.at > timer.at);
    this.#due.splice(later < 0 ? this.#due.length : later, 0, timer);
    return () => {
      const at = this.#due.indexOf(timer);
      if (at >= 0) this.#due.splice(at, 1);
    };
  }

  run(time: Nanoseconds): void {
    const end = this.#now + time;
    for (let next = this.#due[0]; next !== undefined && next.at <= end; next = this.#due[0]) {
      this.#due.shift();
      this.#now = next.at;
      next.fire();
    }
    this.#now = end;
  }
}

/** Numbers between 0 and 1 that a seed decides. */
export function seededFractions(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** How bad a cable is; probabilities from 0 to 1. */
export interface Badness {
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
}

const DELAY = nanoseconds(10_000);

/** One end of a cable in memory. */
class CableEnd implements ChainLink {
  readonly capabilities;
  readonly name: string;
  readonly #cable: Cable;
  readonly #frames = new Set<(frame: ChainFrame) => void>();
  readonly #connections = new Set<(connected: boolean) => void>();
  other: CableEnd | undefined;

  constructor(name: string, cable: Cable, largestFrame: number) {
    this.name = name;
    this.#cable = cable;
    this.capabilities = { largestFrame: bytes(largestFrame), lossless: false, roundTrip: milliseconds(1) };
  }

  send(frame: ChainFrame): boolean {
    return this.#cable.carry(this.other!, frame);
  }

  async room(): Promise<void> {}

  onFrame(listener: (frame: ChainFrame) => void) {
    this.#frames.add(listener);
    return () => this.#frames.delete(listener);
  }

  onConnection(listener: (connected: boolean) => void) {
    this.#connections.add(listener);
    listener(this.#cable.connected);
    return () => this.#connections.delete(listener);
  }

  async close(): Promise<void> {}

  deliver(frame: ChainFrame): void {
    for (const listener of this.#frames) listener(frame);
  }

  tell(connected: boolean): void {
    for (const listener of this.#connections) listener(connected);
  }
}

/** A cable between two units that loses, repeats and garbles frames as it is told, and can be cut. */
export class Cable {
  readonly upper: CableEnd;
  readonly lower: CableEnd;
  connected = true;
  badness: Badness = { loss: 0, duplication: 0, corruption: 0 };
  frames = 0;
  largest = 0;
  readonly #scheduler: Scheduler;
  readonly #fraction: () => number;

  constructor(scheduler: Scheduler, fraction: () => number, largestFrame = 4096) {
    this.#scheduler = scheduler;
    this.#fraction = fraction;
    this.upper = new CableEnd('upper', this, largestFrame);
    this.lower = new CableEnd('lower', this, largestFrame);
    this.upper.other = this.lower;
    this.lower.other = this.upper;
  }

  carry(to: CableEnd, frame: ChainFrame): boolean {
    if (!this.connected) return false;
    this.frames += 1;
    this.largest = Math.max(this.largest, frame.bytes.byteLength);
    if (this.#fraction() < this.badness.loss) return true;
    const bytes = frame.bytes.slice();
    if (this.#fraction() < this.badness.corruption)
      bytes[Math.floor(this.#fraction() * bytes.byteLength)]! ^= 1 << Math.floor(this.#fraction() * 8);
    const copies = this.#fraction() < this.badness.duplication ? 2 : 1;
    for (let i = 0; i < copies; i += 1) {
      this.#scheduler.after(nanoseconds(DELAY * (1 + i * 7)), () => {
        if (this.connected) to.deliver({ ...frame, bytes });
      });
    }
    return true;
  }

  cut(): void {
    this.connected = false;
    for (const end of [this.upper, this.lower]) end.tell(false);
  }

  mend(): void {
    this.connected = true;
    for (const end of [this.upper, this.lower]) end.tell(true);
  }
}

export const CHAIN = 'c0ffee0000000001';

/** Registers of a unit, to be changed by hand. */
export function someFacts(place: number, change: Partial<UnitFacts> = {}): UnitFacts {
  return {
    epoch: 1,
    drive: { model: 'SIM DISK', serial: `S${place}`, sectors: 1000 + place, sectorSize: 512 },
    dsi: 0x0f,
    csi: 0x03,
    state: 5,
    fault: 0,
    ...change,
  };
}

export const unitId = (n: number): string => (0x10_0000 + n).toString(16).padStart(16, '0');

export interface BenchUnit {
  sync: UnitSync;
  readonly unit: string;
  chain: string | undefined;
  facts: UnitFacts;
  running: boolean;
}

/** A chain of units that only keep each other's tables, over cables in memory. */
export class SyncBench {
  readonly scheduler = new HandScheduler();
  readonly cables: Cable[] = [];
  readonly units: BenchUnit[] = [];
  readonly #capacity: number | undefined;

  constructor(
    count: number,
    options: {
      readonly seed?: number;
      readonly largestFrame?: number;
      readonly capacity?: number;
      /** The chain that a unit is enrolled in. */
      readonly chain?: (at: number) => string;
    } = {},
  ) {
    const fraction = seededFractions(options.seed ?? 1);
    this.#capacity = options.capacity;
    for (let i = 1; i < count; i += 1)
      this.cables.push(new Cable(this.scheduler, fraction, options.largestFrame));
    for (let i = 0; i < count; i += 1) this.units.push(this.#build(i, unitId(i)));
    for (const [at, unit] of this.units.entries()) {
      unit.chain = options.chain?.(at) ?? CHAIN;
      unit.sync.start();
    }
  }

  #build(at: number, unit: string): BenchUnit {
    const built = { unit, chain: CHAIN, facts: someFacts(at), running: true } as BenchUnit;
    built.sync = this.#sync(at, built);
    return built;
  }

  #sync(at: number, built: BenchUnit): UnitSync {
    const above = this.cables[at - 1]?.lower;
    const below = this.cables[at]?.upper;
    return new UnitSync({
      unit: built.unit,
      chain: () => built.chain,
      facts: () => built.facts,
      scheduler: this.scheduler,
      log: { log: () => undefined },
      ...(above === undefined ? {} : { above }),
      ...(below === undefined ? {} : { below }),
      ...(this.#capacity === undefined ? {} : { capacity: this.#capacity }),
    });
  }

  change(at: number, change: Partial<UnitFacts>): void {
    const unit = this.units[at]!;
    unit.facts = { ...unit.facts, ...change };
    unit.sync.touched();
  }

  /** The unit loses its table and all it knew, and comes back with a higher epoch; as another where an id is given. */
  restart(at: number, unit = this.units[at]!.unit): void {
    const before = this.units[at]!;
    before.sync.stop();
    const next = { ...before, unit, facts: { ...before.facts, epoch: before.facts.epoch + 1 } };
    next.sync = this.#sync(at, next);
    this.units[at] = next;
    next.sync.start();
  }

  seconds(count: number): void {
    this.scheduler.run(millis(count * 1000));
  }

  digests(): string[] {
    return this.units.map(({ sync }) => sync.table.range().digest);
  }

  record(at: number, of: number): SyncRecord | undefined {
    return this.units[at]!.sync.table.row(this.units[of]!.unit)?.record;
  }
}
