import { bytes, checkBlockRange } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';

/** A byte that reads as another. */
export interface Patch {
  readonly at: number;
  readonly value: number;
}

/** Bytes of one read, which somebody has a buffer for; no number on a disk may make it larger. */
const MOST_AT_ONCE = 1024 * 1024;

/**
 * A read-only device over an image in which some bytes read as others; nothing is copied. It fails, as a bug would, where it is
 * written to, or read more often than `mostReads`: a reader that goes round in circles.
 */
export function patchedDevice(image: Uint8Array, patches: readonly Patch[], mostReads: number): BlockDevice {
  let reads = 0;
  return {
    name: 'disk0',
    capabilities: { size: bytes(image.byteLength), sectorSize: bytes(512), writable: false, trim: false },
    read: (offset, into) => {
      checkBlockRange('disk0', image.byteLength, offset, into.byteLength);
      reads += 1;
      if (reads > mostReads) return Promise.reject(new Error('it reads without end'));
      if (into.byteLength > MOST_AT_ONCE) return Promise.reject(new Error('it reads too much at once'));
      into.set(image.subarray(offset, offset + into.byteLength));
      for (const { at, value } of patches) {
        if (at >= offset && at < offset + into.byteLength) into[at - offset] = value;
      }
      return Promise.resolve();
    },
    write: () => Promise.reject(new Error('a reader wrote')),
    flush: () => Promise.resolve(),
    trim: () => Promise.reject(new Error('a reader trimmed')),
    close: () => Promise.resolve(),
  };
}
