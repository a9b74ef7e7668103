import type { Agent } from '../../agent/index.ts';
import type { Stop, Watchdog } from '../../ports/index.ts';
import type { Desk } from '../../tasks/index.ts';
import type { DeviceAbsence } from './absence.ts';
import type { DeviceBmc } from './bmc.ts';
import type { DeviceConsole } from './console.ts';
import type { DeviceFirmware } from './firmware.ts';
import type { Machine } from './machine.ts';
import type { DeviceMetrics } from './metrics.ts';
import type { DeviceRelay } from './relay.ts';

/** The parts of a running device, as far as they have to be stopped. */
export interface Running {
  readonly unpet: Stop | undefined;
  readonly watchdog: Watchdog | undefined;
  readonly metrics: DeviceMetrics | undefined;
  readonly front: DeviceConsole | undefined;
  readonly agent: Agent;
  readonly desk: Desk;
  readonly absence: DeviceAbsence | undefined;
  readonly relay: DeviceRelay | undefined;
  readonly bmc: DeviceBmc | undefined;
  readonly machine: Machine;
  readonly logs: readonly { close(): Promise<void> }[];
  readonly firmware: DeviceFirmware | undefined;
  /** The board is to start anew: the watchdog stays armed, and bites where that hangs. */
  readonly restarts: boolean;
}

/** Orders first, the board last: each part ends before what it stands on. */
export async function stopDevice({
  unpet,
  watchdog,
  metrics,
  front,
  agent,
  desk,
  absence,
  relay,
  bmc,
  machine,
  logs,
  firmware,
  restarts,
}: Running): Promise<void> {
  unpet?.();
  // Orders first: one that came between the two would be refused for no reason of its own.
  await metrics?.close();
  await front?.close();
  await agent.stop();
  await bmc?.close();
  await desk.stop();
  await absence?.stop();
  await relay?.close();
  await machine.letGo();
  await Promise.all(logs.map((log) => log.close()));
  await machine.close();
  await firmware?.slots.close();
  if (!restarts) await watchdog?.close();
}
