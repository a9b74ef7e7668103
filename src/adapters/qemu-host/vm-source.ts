import type { PowerSource } from '../../ports/index.ts';
import type { VmBmc } from '../vm-bmc.ts';

/**
 * What the emulator's connection to its BMC says of the host's power: while it is there, so is the mains. Its absence says
 * nothing: an emulator that lost us connects again only after a while.
 */
export function vmSource(bmc: VmBmc): PowerSource {
  return {
    name: 'vm-protocol',
    required: false,
    read: async (signal) => {
      signal.throwIfAborted();
      return bmc.peer === undefined
        ? { possible: ['S0', 'S3', 'S4', 'S5', 'G3'], said: { emulator: 'away' } }
        : { possible: ['S0', 'S3', 'S4', 'S5'], said: { emulator: 'connected' } };
    },
    onChange: (listener) => bmc.onChange(listener),
  };
}
