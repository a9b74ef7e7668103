import { NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

/** A device on which some sectors can neither be read nor written. */
export class BadSectors implements BlockDevice {
  readonly #device: BlockDevice;
  readonly #bad: ReadonlySet<number>;
  readonly readMedium?: NonNullable<BlockDevice['readMedium']>;

  /** `bad` is looked at in each call: what is added to it goes bad from then on. */
  constructor(device: BlockDevice, bad: ReadonlySet<number>) {
    this.#device = device;
    this.#bad = bad;
    const { readMedium } = device;
    if (readMedium !== undefined) {
      this.readMedium = async (offset, into, signal) => {
        this.#check(offset, into.byteLength, 'read');
        await readMedium(offset, into, signal);
      };
    }
  }

  get name() {
    return this.#device.name;
  }

  get capabilities() {
    return this.#device.capabilities;
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#check(offset, into.byteLength, 'read');
    await this.#device.read(offset, into, signal);
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#check(offset, data.byteLength, 'write');
    await this.#device.write(offset, data, signal);
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#device.flush(signal);
  }

  trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#device.trim(offset, length, signal);
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  #check(offset: number, length: number, what: string): void {
    const { sectorSize } = this.capabilities;
    for (const sector of this.#bad) {
      const start = sector * sectorSize;
      if (start < offset + length && offset < start + sectorSize) {
        throw new NsError('NS_BLOCK_IO', `${this.name}: ${what} error at sector ${sector}`);
      }
    }
  }
}
