import { bytes, checkBlockRange, KiB, NsError, sentenceOf } from '../../base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../../ports/index.ts';
import { AtaFault, type SataTarget } from '../target.ts';
import { SectorLocks } from './sector-locks.ts';

export interface ChainDeviceOptions {
  readonly writable?: boolean;
  /** Most bytes in one command, whole sectors; 1 MiB by default, which every link and memory can hold. */
  readonly largestCommand?: number;
}

/**
 * A SATA target as a BlockDevice: bytes at offsets. Aligned requests go straight to the target, in commands of a bounded
 * size one after the other. A write of parts of sectors reads these first, and loses no other write to the same sectors.
 * What the target fails is NS_BLOCK_IO with the AtaFault as its cause. Its size is the one that IDENTIFY gives now; throws
 * what the target does where it does not identify itself.
 */
export async function openChainDevice(
  name: string,
  target: SataTarget,
  options: ChainDeviceOptions = {},
  signal?: AbortSignal,
): Promise<BlockDevice> {
  const identity = await target.identify(signal);
  const size = identity.sectors * identity.sectorSize;
  if (!Number.isSafeInteger(size))
    throw new NsError('NS_BLOCK_TOO_LARGE', `${name} is larger than 2^53-1 bytes`);
  const capabilities: BlockCapabilities = {
    size: bytes(size),
    sectorSize: bytes(identity.sectorSize),
    writable: options.writable ?? true,
    trim: identity.features.trim,
  };
  return new ChainDevice(name, target, capabilities, options.largestCommand ?? 1024 * KiB);
}

/** Some sectors of a request: either whole ones, or bytes of a single one. */
interface Part {
  readonly sector: number;
  readonly sectors: number;
  /** First byte within the sector; not 0 only in a part of one. */
  readonly from: number;
  /** First byte within the request. */
  readonly at: number;
  readonly length: number;
  readonly whole: boolean;
}

class ChainDevice implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly #target: SataTarget;
  readonly #sector: number;
  readonly #step: number;
  readonly #locks = new SectorLocks();

  constructor(name: string, target: SataTarget, capabilities: BlockCapabilities, largestCommand: number) {
    this.name = name;
    this.capabilities = capabilities;
    this.#target = target;
    this.#sector = capabilities.sectorSize;
    this.#step = Math.max(1, Math.floor(largestCommand / this.#sector)) * this.#sector;
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    signal?.throwIfAborted();
    if (this.#isOneCommand(offset, into.byteLength)) {
      try {
        await this.#target.read(offset / this.#sector, into, signal);
      } catch (error) {
        throw this.#failure('read', error, signal);
      }
      return;
    }
    await this.#do('read', signal, async () => {
      for (const part of this.#parts(offset, into.byteLength)) {
        const bytes = into.subarray(part.at, part.at + part.length);
        if (part.whole) await this.#target.read(part.sector, bytes, signal);
        else {
          const sector = await this.#readOne(part.sector, signal);
          bytes.set(sector.subarray(part.from, part.from + part.length));
        }
      }
    });
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    if (!this.capabilities.writable) {
      throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} is not to be written`, { family: 'caller' });
    }
    signal?.throwIfAborted();
    if (this.#isOneCommand(offset, data.byteLength)) {
      const first = offset / this.#sector;
      const end = first + data.byteLength / this.#sector;
      try {
        await this.#locks.run(
          first,
          end,
          false,
          () => this.#target.write(first, data, false, signal),
          signal,
        );
      } catch (error) {
        throw this.#failure('write', error, signal);
      }
      return;
    }
    await this.#do('write', signal, async () => {
      for (const part of this.#parts(offset, data.byteLength)) {
        const bytes = data.subarray(part.at, part.at + part.length);
        const work = part.whole
          ? () => this.#target.write(part.sector, bytes, false, signal)
          : () => this.#patch(part, bytes, signal);
        await this.#locks.run(part.sector, part.sector + part.sectors, !part.whole, work, signal);
      }
    });
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.capabilities.writable) await this.#do('flush', signal, () => this.#target.flush(signal));
  }

  /** Whole sectors within the stretch. */
  async trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    signal?.throwIfAborted();
    const lba = Math.ceil(offset / this.#sector);
    const count = Math.floor((offset + length) / this.#sector) - lba;
    if (!this.capabilities.trim || count <= 0) return;
    await this.#do('trim', signal, () => this.#target.trim([{ lba, count }], signal));
  }

  /** Nothing: whoever made the target ends it. */
  async close(): Promise<void> {}

  /** Nearly all are: whole sectors, no more than one command takes. */
  #isOneCommand(offset: number, length: number): boolean {
    return offset % this.#sector === 0 && length % this.#sector === 0 && length > 0 && length <= this.#step;
  }

  *#parts(offset: number, length: number): Generator<Part> {
    for (let at = 0; at < length; ) {
      const from = (offset + at) % this.#sector;
      const sector = (offset + at - from) / this.#sector;
      const left = length - at;
      const whole = from === 0 && left >= this.#sector;
      const bytes = whole
        ? Math.min(left - (left % this.#sector), this.#step)
        : Math.min(left, this.#sector - from);
      yield { sector, sectors: Math.ceil(bytes / this.#sector), from, at, length: bytes, whole };
      at += bytes;
    }
  }

  async #readOne(sector: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.#sector);
    await this.#target.read(sector, bytes, signal);
    return bytes;
  }

  async #patch(part: Part, data: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const bytes = await this.#readOne(part.sector, signal);
    bytes.set(data, part.from);
    await this.#target.write(part.sector, bytes, false, signal);
  }

  async #do(verb: string, signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw this.#failure(verb, error, signal);
    }
  }

  #failure(verb: string, error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted || !(error instanceof AtaFault)) return error;
    const where = error.lba === undefined ? '' : ` at LBA ${error.lba}`;
    return new NsError('NS_BLOCK_IO', `${verb} failed on ${this.name}${where}: ${sentenceOf(error)}`, {
      cause: error,
    });
  }
}
