import { bytes, checkBlockRange } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';

/** A device behind whose end there are zeros up to `size`, and nobody may write: a large volume that is empty at the back. */
export function grownDevice(device: BlockDevice, size: number): BlockDevice {
  const { size: real } = device.capabilities;
  return {
    name: device.name,
    capabilities: { ...device.capabilities, size: bytes(size) },
    async read(offset, into, signal) {
      checkBlockRange(device.name, size, offset, into.byteLength);
      const there = Math.max(0, Math.min(into.byteLength, real - offset));
      if (there > 0) await device.read(offset, into.subarray(0, there), signal);
      into.fill(0, there);
    },
    write: (offset, data, signal) => device.write(offset, data, signal),
    flush: (signal) => device.flush(signal),
    trim: (offset, length, signal) => device.trim(offset, length, signal),
    close: () => device.close(),
  };
}
