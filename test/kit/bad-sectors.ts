import { bytes, NsError } from '../../src/base/index.ts';
import type { BlockCapabilities } from '../../src/ports/index.ts';
import { MemoryDevice } from './memory-device.ts';

/** A device in memory with sectors that fail, a flush that can fail, trims that read back as zeros, and a log of calls. */
export class BadSectorDevice extends MemoryDevice {
  readonly sectorSize: number;
  readonly bad = new Set<number>();
  readonly calls: { readonly verb: string; readonly first: number; readonly sectors: number }[] = [];
  flushFails = false;
  override readonly capabilities: BlockCapabilities;

  constructor(name: string, sectors: number, sectorSize: 512 | 4096 = 512, options: { trim?: boolean } = {}) {
    super(name, sectors * sectorSize);
    this.sectorSize = sectorSize;
    this.capabilities = {
      size: bytes(sectors * sectorSize),
      sectorSize: bytes(sectorSize),
      writable: true,
      trim: options.trim ?? true,
    };
  }

  override async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#call('read', offset, into.byteLength);
    await super.read(offset, into, signal);
  }

  override async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#call('write', offset, data.byteLength);
    await super.write(offset, data, signal);
  }

  override async flush(signal?: AbortSignal): Promise<void> {
    this.#call('flush', 0, 0);
    if (this.flushFails) throw new NsError('NS_BLOCK_IO', 'the flush failed');
    await super.flush(signal);
  }

  override async trim(offset: number, length: number): Promise<void> {
    this.#call('trim', offset, length);
    await super.trim(offset, length);
    this.bytes.fill(0, offset, offset + length);
  }

  #call(verb: string, offset: number, length: number): void {
    const first = Math.floor(offset / this.sectorSize);
    const end = Math.ceil((offset + length) / this.sectorSize);
    this.calls.push({ verb, first, sectors: end - first });
    for (const sector of this.bad) {
      if (sector >= first && sector < end) throw new NsError('NS_BLOCK_IO', `sector ${sector} is bad`);
    }
  }
}
