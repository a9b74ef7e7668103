import type { Clock, LogSink } from '../../../ports/index.ts';
import type { Level } from '../../session/set-up.ts';
import type { BmcCommand } from '../command.ts';
import type { HostConsole } from '../machine.ts';
import { solConfigurationCommands } from './configuration-commands.ts';
import { payloadCommands } from './payload-commands.ts';
import { SharedConsole } from './shared-console.ts';

export interface SolCommandOptions {
  readonly console: HostConsole;
  /** The UDP port at which consoles reach this BMC: SOL goes over the session that asked for it. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Who may have the console, and take it from somebody: operators by default. */
  readonly level?: Level;
}

/** Every command of Serial over LAN, over the host's console. One session at a time has it. */
export function solCommands(options: SolCommandOptions): readonly BmcCommand[] {
  const { console, port, clock, log, level = 'operator' } = options;
  const shared = new SharedConsole({ console, clock, log });
  return [...payloadCommands({ shared, level, port }), ...solConfigurationCommands({ level, port })];
}
