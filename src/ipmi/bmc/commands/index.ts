import type { Clock, LogSink } from '../../../ports/index.ts';
import type { BmcCommand } from '../command.ts';
import type { BmcMachine } from '../machine.ts';
import { sdrRepository } from '../sdr-repository.ts';
import type { SelStore } from '../sel-store.ts';
import { servedSensors } from '../served-sensors.ts';
import { AcpiClaim, acpiCommands } from './acpi.ts';
import { BootFlagsLife } from './boot-flags-life.ts';
import { bootOptionCommands } from './boot-options.ts';
import { chassisFactCommands } from './chassis-facts.ts';
import { chassisPowerCommands } from './chassis-power.ts';
import { dcmiCommands } from './dcmi.ts';
import { deviceCommands } from './device.ts';
import { fruCommands } from './fru.ts';
import { identifyCommands, Lamp } from './identify.ts';
import { type LanFacts, lanConfigurationCommands } from './lan-configuration.ts';
import { MessageFlags, messageCommands } from './messages.ts';
import { Restarts } from './restarts.ts';
import { sdrCommands } from './sdr.ts';
import { selCommands } from './sel.ts';
import { selTimeCommands } from './sel-time.ts';
import { sensorCommands } from './sensors.ts';
import { watchdogCommands } from './watchdog.ts';
import { Watchdog } from './watchdog-timer.ts';

export type { LanFacts } from './lan-configuration.ts';

export interface BmcCommandSetOptions {
  readonly machine: BmcMachine;
  readonly sel: SelStore;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Aborted when the BMC side ends: its timers stop, and it listens to the host no more. */
  readonly life: AbortSignal;
  /** Absent where there is no LAN to tell of. */
  readonly lan?: () => LanFacts;
  /** Called when something comes to wait for the host at its own interface, and when nothing does any more. */
  readonly attention?: (raised: boolean) => void;
}

/** Every command but those of sessions, users, channels and SOL. */
export function bmcCommandSet(options: BmcCommandSetOptions): readonly BmcCommand[] {
  const { machine, sel, clock, log, life, lan, attention = () => {} } = options;
  const { chassis } = machine;
  const restarts = new Restarts(clock);
  const lamp = chassis.identify && new Lamp(clock, chassis.identify);
  const claim = new AcpiClaim();
  const flags = new MessageFlags(attention);
  const bootFlags = new BootFlagsLife({ setting: chassis.bootFlags, clock, log, restarts, life });
  const watchdog = new Watchdog({
    chassis,
    sel,
    clock,
    log,
    restarts,
    life,
    preTimeoutMessage: () => {
      flags.preTimeout = true;
    },
  });
  const stop = chassis.onHost?.((change) => {
    restarts.host(change);
    bootFlags.host(change);
    claim.host(change);
    watchdog.stop();
  });
  life.addEventListener('abort', () => stop?.(), { once: true });
  const sensors = servedSensors(machine, { watchdogExpired: () => watchdog.expired !== 0 });
  return [
    ...deviceCommands(machine, sel),
    ...messageCommands(flags),
    ...acpiCommands(chassis, claim),
    ...watchdogCommands(watchdog),
    ...chassisPowerCommands(chassis, restarts, bootFlags, lamp),
    ...chassisFactCommands(chassis),
    ...identifyCommands(lamp),
    ...bootOptionCommands(bootFlags, clock),
    ...selCommands(sel),
    ...selTimeCommands(sel),
    ...sdrCommands(sdrRepository(machine.identity.name, sensors), clock),
    ...sensorCommands(sensors),
    ...fruCommands(machine.fru),
    ...(lan === undefined ? [] : lanConfigurationCommands(lan)),
    ...(chassis.watts === undefined ? [] : dcmiCommands(chassis.watts, clock)),
  ];
}
