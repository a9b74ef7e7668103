import * as v from 'valibot';
import { asNsError, KiB, shapeConfig } from '../../base/index.ts';
import { ConsoleLog, HostUart } from '../../console/index.ts';
import type { LogSink } from '../../ports/index.ts';
import type { Machine } from './machine.ts';

const whole = (from: number, to: number) => v.pipe(v.number(), v.integer(), v.minValue(from), v.maxValue(to));

/** How the host's serial console is joined from the device's own. */
const section = v.strictObject({
  /** Whether what the host says is kept on own storage. */
  log: v.optional(v.boolean(), true),
  logKiB: v.optional(whole(64, 64 * 1024), 1024),
  /** Kept in memory, for whoever joins. */
  scrollbackKiB: v.optional(whole(16, 1024), 64),
  escape: v.optional(v.pipe(v.string(), v.regex(/^[!-~]$/, 'must be one printable character')), '~'),
});

export type HostConsoleConfig = v.InferOutput<typeof section>;

/** NS_CONFIG_INVALID. */
export function hostConsoleConfig(raw: unknown): HostConsoleConfig {
  return shapeConfig(section, raw ?? {}, 'console.host');
}

/**
 * The machine, with its host's console heard from now on and shared between the doors that reach it. A log that cannot be kept
 * keeps no device from starting.
 */
export async function shareHostConsole(
  machine: Machine,
  config: { readonly host?: unknown },
  log: LogSink,
): Promise<Machine> {
  const settings = hostConsoleConfig(config.host);
  const { board, store, clock } = machine;
  if (board.console === undefined) return machine;
  const kept = settings.log
    ? await ConsoleLog.open({ store, clock, log, size: KiB * settings.logKiB }).catch((error: unknown) => {
        log.log('error', 'host-console.no-log', { error: asNsError(error).message });
        return undefined;
      })
    : undefined;
  const uart = new HostUart({
    console: board.console,
    scrollback: KiB * settings.scrollbackKiB,
    ...(kept === undefined ? {} : { log: kept }),
  });
  return {
    ...machine,
    board: { ...board, console: uart.door },
    hostConsole: { uart, escapeKey: settings.escape },
    close: async () => {
      await uart.close();
      await machine.close();
    },
  };
}
