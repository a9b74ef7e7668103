import { NsError } from '../../base/index.ts';
import type { VmOrder } from '../../ipmi/index.ts';
import type { HostControl } from '../../ports/index.ts';
import type { PowerParts } from './power-steps.ts';
import type { WakeGuard } from './wake-guard.ts';

/** How the host is ordered where no BMC connection can do it. */
const BY_MONITOR = { reset: 'system_reset', nmi: 'inject-nmi', softOff: 'system_powerdown' } as const;

/**
 * Drives the host: off, reset, NMI and soft-off as its BMC does, by the VM protocol, and by the monitor where the emulator
 * is not connected to its BMC. What would switch a host on that is down, and is not "on", is refused with NS_POWER.
 */
export function hostDrive(parts: PowerParts, guard: WakeGuard): HostControl {
  const give = async (order: keyof typeof BY_MONITOR & VmOrder, signal: AbortSignal): Promise<void> => {
    const found = await parts.runState.read(signal);
    if (found !== 'running') {
      throw new NsError('NS_POWER', `the host does not run (QEMU: ${found})`, { family: 'caller' });
    }
    if (parts.bmc.can(order)) await parts.bmc.order(order);
    else await parts.qmp.execute(BY_MONITOR[order], {}, signal);
  };
  return {
    actions: ['on', 'off', 'reset', 'nmi', 'soft'],
    drive: async (action, signal) => {
      switch (action) {
        case 'on':
          return guard.switchOn(signal);
        case 'off':
          return guard.switchOff(signal);
        case 'reset':
          return give('reset', signal);
        case 'nmi':
          return give('nmi', signal);
        case 'soft':
          return give('softOff', signal);
      }
    },
  };
}
