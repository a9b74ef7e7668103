import { NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

/** The device as a checker gets it. */
export function readOnly(device: BlockDevice): BlockDevice {
  return {
    name: device.name,
    capabilities: { ...device.capabilities, writable: false, trim: false },
    read: (offset, into, signal) => device.read(offset, into, signal),
    write: () =>
      Promise.reject(
        new NsError('NS_BLOCK_READ_ONLY', `${device.name} is only checked`, { family: 'caller' }),
      ),
    flush: async () => {},
    trim: async () => {},
    close: async () => {},
  };
}
