import { bytes, checkBlockRange, MiB } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import type { Patch } from './patched-device.ts';

/** What a look at a hostile disk may cost; more is a fault of whoever looks. */
export interface ReadLimits {
  /** Reads in all: one that goes round in circles passes it on any machine. */
  readonly reads?: number;
  /** Bytes in all. */
  readonly total?: number;
  /** Bytes of one read, which somebody has a buffer for. */
  readonly largest?: number;
}

export interface WatchedOptions extends ReadLimits {
  readonly patches?: readonly Patch[];
  /** The device ends here, wherever the image does. */
  readonly size?: number;
  readonly sectorSize?: number;
}

/**
 * A read-only device over an image in which some bytes read as others. It fails, as a bug would, where it is written to,
 * or read more often, more at once or more in all than `limits` say.
 */
export function watchedDevice(image: Uint8Array, options: WatchedOptions = {}): BlockDevice {
  const { patches = [], reads: mostReads = 20_000, total = 512 * MiB, largest = MiB } = options;
  const size = options.size ?? image.byteLength;
  let [count, sum] = [0, 0];
  const fail = (what: string) => Promise.reject(new Error(what));
  return {
    name: 'disk0',
    capabilities: {
      size: bytes(size),
      sectorSize: bytes(options.sectorSize ?? 512),
      writable: false,
      trim: false,
    },
    read: (offset, into) => {
      checkBlockRange('disk0', size, offset, into.byteLength);
      count += 1;
      sum += into.byteLength;
      if (count > mostReads) return fail('it reads without end');
      if (into.byteLength > largest) return fail(`it reads ${into.byteLength} bytes at once`);
      if (sum > total) return fail(`it reads ${sum} bytes`);
      const there = image.subarray(offset, offset + into.byteLength);
      into.set(there);
      into.fill(0, there.byteLength);
      for (const { at, value } of patches) {
        if (at >= offset && at < offset + into.byteLength) into[at - offset] = value;
      }
      return Promise.resolve();
    },
    write: () => fail('a reader wrote'),
    flush: () => Promise.resolve(),
    trim: () => fail('a reader trimmed'),
    close: () => Promise.resolve(),
  };
}

/** Fails where what a step leaves in memory is more than this; garbage that waits to be collected counts, so be generous. */
export async function withinMemory<T>(mib: number, step: () => Promise<T>): Promise<T> {
  const used = (): number => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const result = await step();
  const grown = (used() - before) / MiB;
  if (grown > mib) throw new Error(`it holds ${Math.round(grown)} MiB more than before`);
  return result;
}
