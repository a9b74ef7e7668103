import { checkBlockRange, NsError } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import type { MemoryDevice } from './memory-device.ts';

/** The largest write that a device takes as one step; a longer one is several, each of which can be the last. */
const STEP = 4096;
const SECTOR = 512;

/** A small seeded generator (mulberry32), so that a failing cut can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z = (z + Math.imul(z ^ (z >>> 7), z | 61)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The power of everything behind it: own storage and the host's disk. Each step of a write and each flush counts as
 * one event. At the event `cutAt` the power goes: of every device, each write since its last flush is, by seeded
 * choice, kept, lost, or torn at 512 bytes, whatever order it was made in. Every call after that throws NS_POWER_CUT.
 */
export class PowerRail {
  events = 0;
  cut = false;
  readonly #cutAt: number;
  readonly #random: () => number;
  readonly #devices: RailDevice[] = [];

  constructor(options: { cutAt?: number; seed?: number } = {}) {
    this.#cutAt = options.cutAt ?? Number.POSITIVE_INFINITY;
    this.#random = seededRandom(options.seed ?? 1);
  }

  /** The device on this rail. What is durable is in the memory device; the rest dies with the rail. */
  wrap(device: MemoryDevice): BlockDevice {
    const wrapped = new RailDevice(this, device);
    this.#devices.push(wrapped);
    return wrapped;
  }

  /** Counts an event; true where it is the one that the power does not survive. */
  step(): boolean {
    this.check();
    this.events += 1;
    return this.events >= this.#cutAt;
  }

  check(): void {
    if (this.cut) throw new NsError('NS_POWER_CUT', 'the power is off');
  }

  fall(): never {
    this.cut = true;
    for (const device of this.#devices) device.resolve(this.#random);
    throw new NsError('NS_POWER_CUT', `the power went at event ${this.events}`);
  }
}

class RailDevice implements BlockDevice {
  readonly name: string;
  readonly capabilities;
  readonly #rail: PowerRail;
  readonly durable: MemoryDevice;
  /** What a read sees: the durable bytes with the cached writes on top. Undefined while the cache is empty. */
  #seen: Uint8Array | undefined;
  #cached: { offset: number; data: Uint8Array }[] = [];

  constructor(rail: PowerRail, durable: MemoryDevice) {
    this.#rail = rail;
    this.durable = durable;
    this.name = durable.name;
    this.capabilities = durable.capabilities;
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#rail.check();
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    signal?.throwIfAborted();
    const source = this.#seen ?? this.durable.bytes;
    into.set(source.subarray(offset, offset + into.byteLength));
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#rail.check();
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    signal?.throwIfAborted();
    this.#seen ??= this.durable.bytes.slice();
    for (let at = 0; at < data.byteLength; at += STEP) {
      const part = data.slice(at, at + STEP);
      const last = this.#rail.step();
      this.#cached.push({ offset: offset + at, data: part });
      if (last) this.#rail.fall();
      this.#seen.set(part, offset + at);
    }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#rail.step()) this.#rail.fall();
    for (const { offset, data } of this.#cached) this.durable.bytes.set(data, offset);
    this.#cached = [];
    this.#seen = undefined;
  }

  async trim(offset: number, length: number): Promise<void> {
    this.#rail.check();
    checkBlockRange(this.name, this.capabilities.size, offset, length);
  }

  async close(): Promise<void> {}

  /** Decides the fate of each cached write. */
  resolve(random: () => number): void {
    for (const { offset, data } of this.#cached) {
      const fate = random();
      if (fate < 1 / 3) continue;
      if (fate < 2 / 3) {
        this.durable.bytes.set(data, offset);
        continue;
      }
      for (let at = 0; at < data.byteLength; ) {
        // A tear lies on the device's sector boundary, not on the write's.
        const next = Math.min(data.byteLength, at + SECTOR - ((offset + at) % SECTOR));
        if (random() < 0.5) this.durable.bytes.set(data.subarray(at, next), offset + at);
        at = next;
      }
    }
    this.#cached = [];
    this.#seen = undefined;
  }
}
