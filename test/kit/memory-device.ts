import { bytes, checkBlockRange, NsError } from '../../src/base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../../src/ports/index.ts';

/** A block device in memory. `bytes` is what it holds, live. */
export class MemoryDevice implements BlockDevice {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly capabilities: BlockCapabilities;

  constructor(name: string, content: number | Uint8Array, options: { writable?: boolean } = {}) {
    this.name = name;
    this.bytes = typeof content === 'number' ? new Uint8Array(content) : content;
    this.capabilities = {
      size: bytes(this.bytes.byteLength),
      sectorSize: bytes(512),
      writable: options.writable ?? true,
      trim: false,
    };
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    signal?.throwIfAborted();
    into.set(this.bytes.subarray(offset, offset + into.byteLength));
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    if (!this.capabilities.writable) {
      throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} is read-only`, { family: 'caller' });
    }
    signal?.throwIfAborted();
    this.bytes.set(data, offset);
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
  }

  async trim(offset: number, length: number): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
  }

  async close(): Promise<void> {}
}
