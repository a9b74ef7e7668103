import { createHash } from 'node:crypto';

/** A file in memory, as the two ends of a transfer see it. */
export class MemoryFile {
  readonly bytes: Uint8Array;
  writes = 0;
  flushes = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  static sized(size: number): MemoryFile {
    return new MemoryFile(new Uint8Array(size));
  }

  /** Contents that differ at every offset a test looks at. */
  static patterned(size: number, seed = 1): MemoryFile {
    const bytes = new Uint8Array(size);
    let x = seed;
    for (let i = 0; i < size; i += 1) {
      x = (Math.imul(x, 1103515245) + 12345) >>> 0;
      bytes[i] = x >>> 16;
    }
    return new MemoryFile(bytes);
  }

  get sha256(): Uint8Array {
    return createHash('sha256').update(this.bytes).digest();
  }

  readonly read = async (offset: number, into: Uint8Array): Promise<void> => {
    into.set(this.bytes.subarray(offset, offset + into.byteLength));
  };

  readonly write = async (offset: number, data: Uint8Array): Promise<void> => {
    this.writes += 1;
    this.bytes.set(data, offset);
  };

  readonly flush = async (): Promise<void> => {
    this.flushes += 1;
  };
}
