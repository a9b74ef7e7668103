import { NsError, Turns } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { SeededEntropy } from './seeded-entropy.ts';

export interface PowerCutOptions {
  readonly entropy: SeededEntropy;
  /** Writes wait in a volatile cache until a flush; a cut loses any of them, and tears others. */
  readonly volatileCache?: boolean;
  /** Called at the cut, once: a program ends itself here. */
  readonly onCut?: () => void;
}

interface Cached {
  readonly offset: number;
  readonly data: Uint8Array;
}

const CACHE_ENTRIES = 512;

/**
 * The power of everything that stores, cut at a chosen write. Writes are counted over all devices that share the cut;
 * the chosen one lands as a random run of its first sectors, and nothing works after it.
 */
export class PowerCut {
  readonly #options: PowerCutOptions;
  readonly #devices: CuttableDevice[] = [];
  #writes = 0;
  #at: number | undefined;
  #off = false;

  constructor(options: PowerCutOptions) {
    this.#options = options;
  }

  /** Writes seen so far. */
  get writes(): number {
    return this.#writes;
  }

  get isOff(): boolean {
    return this.#off;
  }

  /** Cuts at the nth write from now, the next one being 1; undefined never. */
  cutAtWrite(n: number | undefined): void {
    this.#at = n === undefined ? undefined : this.#writes + n;
  }

  wrap(device: BlockDevice): BlockDevice {
    const wrapped = new CuttableDevice(device, this, this.#options);
    this.#devices.push(wrapped);
    return wrapped;
  }

  /** Counts a write; true where this is the one at which the power goes. */
  note(): boolean {
    this.check();
    this.#writes += 1;
    return this.#writes === this.#at;
  }

  check(): void {
    if (this.#off) throw new NsError('NS_POWER_CUT', 'the power is cut');
  }

  /** Cuts the power now. */
  async cut(): Promise<never> {
    if (!this.#off) {
      this.#off = true;
      for (const device of this.#devices) await device.losePower();
      this.#options.onCut?.();
    }
    throw new NsError('NS_POWER_CUT', 'the power was cut');
  }
}

class CuttableDevice implements BlockDevice {
  readonly #device: BlockDevice;
  readonly #cut: PowerCut;
  readonly #entropy: SeededEntropy;
  readonly #volatile: boolean;
  readonly #cache: Cached[] = [];
  readonly #turns = new Turns();
  readonly readMedium?: NonNullable<BlockDevice['readMedium']>;

  constructor(device: BlockDevice, cut: PowerCut, options: PowerCutOptions) {
    this.#device = device;
    this.#cut = cut;
    this.#entropy = options.entropy;
    this.#volatile = options.volatileCache ?? false;
    const { readMedium } = device;
    if (readMedium !== undefined) {
      this.readMedium = (offset, into, signal) => this.#live(() => readMedium(offset, into, signal));
    }
  }

  get name() {
    return this.#device.name;
  }

  get capabilities() {
    return this.#device.capabilities;
  }

  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (!this.#volatile) return this.#live(() => this.#device.read(offset, into, signal));
    return this.#inTurn(async () => {
      await this.#device.read(offset, into, signal);
      for (const cached of this.#cache) overlay(cached, offset, into);
    });
  }

  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#cut.note()) {
        await this.#tear(offset, data);
        await this.#cut.cut();
      }
      if (!this.#volatile) return this.#device.write(offset, data, signal);
      // A read of nothing lets the device judge the range, so that a bad write fails now and not at the flush.
      await this.#device.read(offset, new Uint8Array(data.byteLength), signal);
      this.#cache.push({ offset, data: data.slice() });
      if (this.#cache.length > CACHE_ENTRIES) await this.#apply(this.#cache.shift()!);
    });
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      for (const cached of this.#cache.splice(0)) await this.#apply(cached);
      await this.#device.flush(signal);
    });
  }

  trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#device.trim(offset, length, signal));
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  /** Of what waits in the cache, some is lost, some lands, and some lands in part; in no order that can be counted on. */
  async losePower(): Promise<void> {
    const waiting = this.#cache.splice(0);
    for (let i = waiting.length - 1; i > 0; i -= 1) {
      const j = this.#entropy.below(i + 1);
      [waiting[i], waiting[j]] = [waiting[j]!, waiting[i]!];
    }
    for (const { offset, data } of waiting) {
      const luck = this.#entropy.fraction();
      if (luck < 0.4) await this.#device.write(offset, data);
      else if (luck < 0.6) await this.#tear(offset, data);
    }
  }

  async #tear(offset: number, data: Uint8Array): Promise<void> {
    const sector = this.capabilities.sectorSize;
    const first = Math.min(data.byteLength, sector - (offset % sector));
    const sectors = 1 + Math.ceil((data.byteLength - first) / sector);
    const whole = this.#entropy.below(sectors + 1);
    const length = whole === 0 ? 0 : Math.min(data.byteLength, first + (whole - 1) * sector);
    if (length > 0) await this.#device.write(offset, data.subarray(0, length));
  }

  #apply({ offset, data }: Cached): Promise<void> {
    return this.#device.write(offset, data);
  }

  async #live<T>(act: () => Promise<T>): Promise<T> {
    this.#cut.check();
    const result = await act();
    this.#cut.check();
    return result;
  }

  /** One at a time, so that the nth write is the same write in every run. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => this.#live(act));
  }
}

function overlay({ offset, data }: Cached, at: number, into: Uint8Array): void {
  const start = Math.max(offset, at);
  const end = Math.min(offset + data.byteLength, at + into.byteLength);
  if (start < end) into.set(data.subarray(start - offset, end - offset), start - at);
}
