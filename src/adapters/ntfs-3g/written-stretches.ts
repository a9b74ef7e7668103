import type { BlockDevice } from '../../ports/index.ts';

const SECTOR = 512;
/** Sectors that one entry tells of. */
const PER_ENTRY = 128;

/** A device that knows afterwards which of its sectors were written. */
export class WrittenStretches implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockDevice['capabilities'];
  readonly #device: BlockDevice;
  /** One bit a sector. */
  readonly #written = new Map<number, Uint8Array>();

  constructor(device: BlockDevice) {
    this.name = device.name;
    this.capabilities = device.capabilities;
    this.#device = device;
  }

  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#device.read(offset, into, signal);
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#device.write(offset, data, signal);
    const end = offset + data.byteLength;
    for (let sector = Math.floor(offset / SECTOR); sector * SECTOR < end; sector += 1) {
      const at = Math.floor(sector / PER_ENTRY);
      let bits = this.#written.get(at);
      if (bits === undefined) {
        bits = new Uint8Array(PER_ENTRY / 8);
        this.#written.set(at, bits);
      }
      const bit = sector % PER_ENTRY;
      bits[bit >> 3]! |= 1 << (bit & 7);
    }
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#device.flush(signal);
  }

  trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#device.trim(offset, length, signal);
  }

  async close(): Promise<void> {}

  /** Ascending, apart from each other. */
  stretches(): { readonly offset: number; readonly length: number }[] {
    const found: { offset: number; length: number }[] = [];
    for (const [at, bits] of [...this.#written].sort(([a], [b]) => a - b)) {
      for (let bit = 0; bit < PER_ENTRY; bit += 1) {
        if ((bits[bit >> 3]! & (1 << (bit & 7))) === 0) continue;
        const offset = (at * PER_ENTRY + bit) * SECTOR;
        const last = found.at(-1);
        if (last !== undefined && last.offset + last.length === offset) last.length += SECTOR;
        else found.push({ offset, length: SECTOR });
      }
    }
    return found;
  }
}
