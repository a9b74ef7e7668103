import type { Clock, LogSink } from '../../../ports/index.ts';
import type { BmcCommand } from '../command.ts';
import type { BmcMachine } from '../machine.ts';
import type { SelStore } from '../sel-store.ts';
import { chassisPowerCommands } from './chassis-power.ts';
import { deviceCommands } from './device.ts';
import { identifyCommands, Lamp } from './identify.ts';
import { Restarts } from './restarts.ts';

export interface BmcCommandSetOptions {
  readonly machine: BmcMachine;
  readonly sel: SelStore;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Aborted when the BMC side ends: its timers stop, and it listens to the host no more. */
  readonly life: AbortSignal;
}

/** Every command but those of sessions, users, channels and SOL. */
export function bmcCommandSet(options: BmcCommandSetOptions): readonly BmcCommand[] {
  const { machine, sel, clock, life } = options;
  const { chassis } = machine;
  const restarts = new Restarts(clock);
  const lamp = chassis.identify === undefined ? undefined : new Lamp(clock, chassis.identify);
  const stop = chassis.onHost?.((change) => restarts.host(change));
  life.addEventListener('abort', () => stop?.(), { once: true });
  return [
    ...deviceCommands(machine, sel),
    ...chassisPowerCommands(chassis, restarts, lamp),
    ...identifyCommands(lamp),
  ];
}
