import type { BlockDevice } from '../../ports/index.ts';
import type { SectorRange } from '../target.ts';
import {
  decodeIntentMap,
  encodeIntentSector,
  INTENT_REGION,
  MOST_REGIONS,
  offsetOfSector,
  sectorOfRegion,
} from './intent-codec.ts';

const SMALLEST_REGION = 2048;

/** The power of two that divides an array of this many sectors into as many regions as the map has bits at most. */
export function regionSectorsFor(capacity: number, smallest = SMALLEST_REGION): number {
  let size = smallest;
  while (Math.ceil(capacity / size) > MOST_REGIONS) size *= 2;
  return size;
}

/**
 * Which regions of the array were written and may not be equal on every unit that holds them, durably. A bit is set
 * before the first write to its region is sent anywhere, and cleared some time after all that was written there is
 * durable everywhere; so after a loss of power the set bits name everything that may differ.
 */
export class IntentMap {
  readonly regionSectors: number;
  /** What the map said when it was opened: the trace of an unclean stop. */
  readonly found: readonly number[];
  readonly #device: BlockDevice;
  readonly #set: Set<number>;
  /** Bits that are set durably and are not about to be cleared. */
  readonly #durable: Set<number>;
  readonly #stale = new Set<number>();
  readonly #inFlight = new Map<number, number>();
  /** Flushes begun so far when the region's last write ended. */
  readonly #written = new Map<number, number>();
  #flushes = 1;
  #settled = 0;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #failure: unknown;

  private constructor(device: BlockDevice, regionSectors: number, found: readonly number[]) {
    this.#device = device;
    this.regionSectors = regionSectors;
    this.found = found;
    this.#set = new Set(found);
    this.#durable = new Set(found);
  }

  static async open(device: BlockDevice, capacity: number, regionSectors: number): Promise<IntentMap> {
    const bytes = new Uint8Array(INTENT_REGION);
    await device.read(0, bytes);
    const regions = Math.ceil(capacity / regionSectors);
    return new IntentMap(device, regionSectors, decodeIntentMap(bytes, regions));
  }

  /** An empty map, for a new array. */
  static async format(device: BlockDevice, capacity: number, regionSectors: number): Promise<IntentMap> {
    const regions = Math.ceil(capacity / regionSectors);
    for (let index = 0; index <= sectorOfRegion(Math.max(0, regions - 1)); index += 1) {
      await device.write(
        offsetOfSector(index),
        encodeIntentSector(index, () => false),
      );
    }
    await device.flush();
    return new IntentMap(device, regionSectors, []);
  }

  get size(): number {
    return this.#set.size;
  }

  /** The regions that a range touches. */
  regionsOf({ lba, count }: SectorRange): number[] {
    const regions: number[] = [];
    const last = Math.floor((lba + count - 1) / this.regionSectors);
    for (let r = Math.floor(lba / this.regionSectors); r <= last; r += 1) regions.push(r);
    return regions;
  }

  /** A write to these regions is about to be sent: on return their bits are durable. Pair with `end`. */
  async begin(regions: readonly number[]): Promise<void> {
    let fresh = false;
    for (const region of regions) {
      this.#inFlight.set(region, (this.#inFlight.get(region) ?? 0) + 1);
      if (this.#durable.has(region)) continue;
      this.#set.add(region);
      this.#stale.add(sectorOfRegion(region));
      fresh = true;
    }
    if (fresh) await this.#sync();
    else if (this.#failure !== undefined) throw this.#failure;
  }

  end(regions: readonly number[]): void {
    for (const region of regions) {
      const left = (this.#inFlight.get(region) ?? 1) - 1;
      if (left === 0) this.#inFlight.delete(region);
      else this.#inFlight.set(region, left);
      this.#written.set(region, this.#flushes);
    }
  }

  /** Call as a flush of every unit begins; give the mark to `flushed` when it has succeeded. */
  flushing(): number {
    this.#flushes += 1;
    return this.#flushes;
  }

  flushed(mark: number): void {
    this.#settled = Math.max(this.#settled, mark);
  }

  /** True where a flush would let bits be cleared that are not held. */
  wantsFlush(held: (region: number) => boolean): boolean {
    return [...this.#set].some(
      (region) => !held(region) && !this.#inFlight.has(region) && !this.#isSettled(region),
    );
  }

  /** Clears the bits of regions that are durable everywhere and not held; durable on return. */
  async clear(held: (region: number) => boolean): Promise<void> {
    let any = false;
    for (const region of this.#set) {
      if (held(region) || this.#inFlight.has(region) || !this.#isSettled(region)) continue;
      this.#set.delete(region);
      // From here on a write must set the bit anew, even while the cleared one is still on its way.
      this.#durable.delete(region);
      this.#written.delete(region);
      this.#stale.add(sectorOfRegion(region));
      any = true;
    }
    if (any) await this.#sync();
  }

  #isSettled(region: number): boolean {
    return (this.#written.get(region) ?? 0) < this.#settled;
  }

  /** One write at a time; all that ask while one runs share the next. */
  #sync(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      this.#running = this.#write();
      return this.#running;
    });
    return this.#next;
  }

  async #write(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const sectors = [...this.#stale];
    this.#stale.clear();
    const bits = [...this.#set].filter((region) => sectors.includes(sectorOfRegion(region)));
    const has = new Set(bits);
    try {
      for (const index of sectors) {
        await this.#device.write(
          offsetOfSector(index),
          encodeIntentSector(index, (region) => has.has(region)),
        );
      }
      await this.#device.flush();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    for (const region of bits) if (this.#set.has(region)) this.#durable.add(region);
  }
}
