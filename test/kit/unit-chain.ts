import { Wheel } from '../../src/adapters/sim/chain/index.ts';
import type { NsError } from '../../src/base/index.ts';
import {
  BlockDrive,
  ChainRouter,
  DrivePlug,
  Hba,
  millis,
  type Nanoseconds,
  Ptddc,
  type UnitMemory,
  type UnitRecord,
} from '../../src/sata-chain/index.ts';
import { MemoryDevice } from './memory-device.ts';

/** A unit's memory that a test can look into, and make fail. */
export class FakeUnitMemory implements UnitMemory {
  record: UnitRecord | undefined;
  broken: Error | undefined;
  saves = 0;

  async load(): Promise<UnitRecord | undefined> {
    return this.record;
  }

  async save(record: UnitRecord): Promise<void> {
    if (this.broken) throw this.broken;
    this.saves += 1;
    this.record = record;
  }
}

export interface UnitChain {
  readonly wheel: Wheel;
  readonly units: readonly Ptddc[];
  readonly drives: readonly DrivePlug[];
  readonly images: readonly MemoryDevice[];
  readonly memories: readonly FakeUnitMemory[];
  readonly hba: Hba;
  readonly troubles: readonly NsError[];
  /** Moves virtual time, letting promises settle on the way. */
  run(time: Nanoseconds): Promise<void>;
  /** Moves virtual time until the promise settles; at most a minute of it. */
  settle<T>(promise: Promise<T>): Promise<T>;
  powerOn(): Promise<void>;
}

/** Real units with memory drives of so many sectors each, in one process on virtual time. */
export function unitChain(sectors: readonly number[]): UnitChain {
  const wheel = new Wheel();
  const troubles: NsError[] = [];
  const memories = sectors.map(() => new FakeUnitMemory());
  const images = sectors.map((count, i) => new MemoryDevice(`image${i}`, count * 512));
  const drives = images.map(
    (image, i) => new DrivePlug(wheel, new BlockDrive(image, { serial: `DRIVE${i}` })),
  );
  const units = sectors.map(
    (_, i) =>
      new Ptddc({
        scheduler: wheel,
        memory: memories[i]!,
        router: new ChainRouter(),
        unit: i.toString(16).padStart(16, '0'),
        onTrouble: (error) => troubles.push(error),
      }),
  );
  units.forEach((unit, i) => {
    unit.attach('ddi', drives[i]);
    unit.attach('pto', units[i + 1]?.pti);
  });
  const hba = new Hba({ scheduler: wheel, plug: units[0]!.pti });
  const run = async (time: Nanoseconds): Promise<void> => {
    const until = wheel.now() + time;
    await turn();
    while (wheel.step(until)) await turn();
    wheel.run(millis(Math.max(0, until - wheel.now()) / 1e6));
    await turn();
  };
  return {
    wheel,
    units,
    drives,
    images,
    memories,
    hba,
    troubles,
    run,
    async settle(promise) {
      let settled = false;
      const done = () => {
        settled = true;
      };
      promise.then(done, done);
      const until = wheel.now() + millis(60_000);
      for (await turn(); !settled && wheel.step(until); ) await turn();
      if (!settled) throw new Error('not settled within a minute of virtual time');
      return promise;
    },
    async powerOn() {
      for (const drive of drives) drive.powerOn();
      for (const unit of units) await unit.powerOn();
      hba.powerOn();
      await run(millis(1000));
    },
  };
}

/** Enough for a chain of promises that no event interrupts. */
async function turn(): Promise<void> {
  for (let i = 0; i < 12; i += 1) await Promise.resolve();
}
