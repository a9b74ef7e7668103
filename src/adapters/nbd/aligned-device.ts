import { checkBlockRange } from '../../base/index.ts';
import type { BlockCapabilities, BlockDevice, BlockExtent } from '../../ports/index.ts';

/** Makes any offset and length good for a device that takes whole blocks alone. With blocks of 1 it is the device. */
export function alignedTo(block: number, device: BlockDevice): BlockDevice {
  return block === 1 ? device : new AlignedDevice(block, device);
}

/** Many at once, or one alone; whoever waits to be alone goes before later ones. */
class Turnstile {
  #shared = new Set<Promise<void>>();
  #alone: Promise<void> = Promise.resolve();

  async share(work: () => Promise<void>): Promise<void> {
    const turn = this.#alone.then(work);
    const settled = quiet(turn);
    this.#shared.add(settled);
    await turn.finally(() => this.#shared.delete(settled));
  }

  async alone(work: () => Promise<void>): Promise<void> {
    const before = [...this.#shared, this.#alone];
    const turn = Promise.all(before).then(work);
    this.#alone = quiet(turn);
    await turn;
  }
}

const quiet = (promise: Promise<void>): Promise<void> => promise.catch(() => {});

class AlignedDevice implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly extents?: NonNullable<BlockDevice['extents']>;
  readonly #block: number;
  readonly #device: BlockDevice;
  readonly #writes = new Turnstile();

  constructor(block: number, device: BlockDevice) {
    this.name = device.name;
    this.capabilities = device.capabilities;
    this.#block = block;
    this.#device = device;
    if (device.extents !== undefined) this.extents = (...asked) => this.#extents(...asked);
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    const { start, end, fits } = this.#around(offset, into.byteLength);
    if (fits) {
      await this.#device.read(offset, into, signal);
      return;
    }
    const whole = new Uint8Array(end - start);
    await this.#device.read(start, whole, signal);
    into.set(whole.subarray(offset - start, offset - start + into.byteLength));
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    const { start, end, fits } = this.#around(offset, data.byteLength);
    if (fits) {
      await this.#writes.share(() => this.#device.write(offset, data, signal));
      return;
    }
    // Bytes of a block that others own are read and written back: nobody may change them in between.
    await this.#writes.alone(async () => {
      const whole = new Uint8Array(end - start);
      const head = start < offset ? this.#block : 0;
      if (head > 0) await this.#device.read(start, whole.subarray(0, head), signal);
      if (offset + data.byteLength < end && !(head > 0 && end - start === head)) {
        await this.#device.read(end - this.#block, whole.subarray(whole.byteLength - this.#block), signal);
      }
      whole.set(data, offset - start);
      await this.#device.write(start, whole, signal);
    });
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await this.#device.flush(signal);
  }

  /** Only blocks that lie wholly within. */
  async trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    const start = Math.ceil(offset / this.#block) * this.#block;
    const end = Math.floor((offset + length) / this.#block) * this.#block;
    if (end > start) await this.#writes.share(() => this.#device.trim(start, end - start, signal));
  }

  async close(): Promise<void> {
    await this.#device.close();
  }

  async #extents(offset: number, length: number, signal?: AbortSignal): Promise<readonly BlockExtent[]> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    if (length === 0) return [];
    const { start, end } = this.#around(offset, length);
    const found = await this.#device.extents!(start, end - start, signal);
    const cut: BlockExtent[] = [];
    let at = start;
    for (const extent of found) {
      const from = Math.max(at, offset);
      const to = Math.min(at + extent.length, offset + length);
      if (to > from) cut.push({ ...extent, length: to - from });
      at += extent.length;
    }
    return cut;
  }

  #around(offset: number, length: number): { start: number; end: number; fits: boolean } {
    const start = Math.floor(offset / this.#block) * this.#block;
    const end = Math.ceil((offset + length) / this.#block) * this.#block;
    return { start, end, fits: start === offset && end === offset + length };
  }
}
