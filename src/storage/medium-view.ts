import type { BlockDevice } from '../ports/index.ts';

export interface MediumView {
  /** Read-only, in whole. */
  readonly device: BlockDevice;
  /** "device": what it gives may come out of a cache on its way. */
  readonly from: 'medium' | 'device';
}

/** A device whose reads come from the medium itself, as far as it can. */
export function mediumView(device: BlockDevice): MediumView {
  const { readMedium } = device;
  if (readMedium === undefined) return { device, from: 'device' };
  return {
    from: 'medium',
    device: {
      name: device.name,
      capabilities: { ...device.capabilities, writable: false, trim: false },
      read: (offset, into, signal) => readMedium(offset, into, signal),
      write: (offset, data, signal) => device.write(offset, data, signal),
      flush: (signal) => device.flush(signal),
      trim: (offset, length, signal) => device.trim(offset, length, signal),
      close: async () => undefined,
    },
  };
}
