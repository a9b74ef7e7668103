import { hasCode, milliseconds, NsError } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import type { VmBmc } from '../vm-bmc.ts';
import { mapFirmwareRom } from './firmware-rom.ts';
import type { Qmp } from './qmp.ts';
import { isDown, type RunState } from './run-state.ts';

export interface PowerParts {
  readonly qmp: Qmp;
  readonly runState: RunState;
  readonly bmc: VmBmc;
  readonly clock: Clock;
}

/** Between asking for a state and having it. */
const SETTLE = milliseconds(2000);
/** QEMU carries out what the BMC orders within milliseconds; after this it did not hear it. */
const BMC_SETTLE = milliseconds(500);
/** QEMU resets within milliseconds, unless somebody else has it do something else. */
const RESET_SETTLE = milliseconds(200);
const TRIES = 20;
const PAUSE = milliseconds(2);

/**
 * Lets the host run, from whatever keeps it down; `mayRun` is asked at the last moment. NS_POWER where it cannot run: it
 * has no mains (no QEMU), or QEMU keeps it for reasons of its own.
 */
export async function switchOn(parts: PowerParts, mayRun: () => void, signal: AbortSignal): Promise<void> {
  const { qmp, runState } = parts;
  const found = await runState.read(signal);
  if (found === 'shutdown') {
    await qmp.execute('system_reset', {}, signal);
    await until(parts, (state) => state === 'prelaunch', SETTLE, signal);
  }
  if (found === 'shutdown' || found === 'prelaunch') await mapFirmwareRom(qmp, signal);
  mayRun();
  switch (found) {
    case 'running':
      return;
    case 'suspended':
      await qmp.execute('system_wakeup', {}, signal);
      return;
    case 'shutdown':
    case 'prelaunch':
    case 'paused':
      await qmp.execute('cont', {}, signal);
      return;
    case 'gone':
      throw new NsError('NS_POWER', 'the host has no mains: QEMU does not run', { family: 'caller' });
    default:
      throw new NsError('NS_POWER', `QEMU keeps the host in "${found}"`);
  }
}

/** Takes the host's power away, by its BMC where one is connected; resolves when it is down. */
export async function switchOff(parts: PowerParts, signal: AbortSignal): Promise<void> {
  const { bmc, runState } = parts;
  const found = await runState.read(signal);
  if (found === 'gone' || found === 'shutdown' || found === 'prelaunch') return;
  // Of a host that is suspended or stopped QEMU only notes that it is to be off.
  if (found === 'running' && bmc.can('powerOff')) {
    await bmc.order('powerOff');
    if (await reached(parts, isOff, BMC_SETTLE, signal)) return;
  }
  await cutPower(parts, signal);
}

/**
 * Stops the host's processors within milliseconds and resets it, so that it stands as before its first start; again, where
 * somebody lets it run in between.
 */
export async function cutPower(parts: PowerParts, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    await parts.qmp.execute('stop', {}, signal);
    await parts.qmp.execute('system_reset', {}, signal);
    if (!(await reached(parts, isOff, RESET_SETTLE, signal))) continue;
    await mapFirmwareRom(parts.qmp, signal);
    return;
  }
  throw new NsError('NS_POWER', 'somebody lets the host run as often as it is stopped');
}

const isOff = (state: string): boolean => state === 'gone' || (isDown(state) && state !== 'suspended');

async function reached(
  parts: PowerParts,
  holds: (state: string) => boolean,
  limit: typeof SETTLE,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await until(parts, holds, limit, signal);
    return true;
  } catch (error) {
    if (hasCode(error, 'NS_DEADLINE') && !signal.aborted) return false;
    throw error;
  }
}

async function until(
  { runState, clock }: PowerParts,
  holds: (state: string) => boolean,
  limit: typeof SETTLE,
  signal: AbortSignal,
): Promise<void> {
  const deadline = clock.deadline(limit, 'the host going into another power state');
  const either = AbortSignal.any([signal, deadline.signal]);
  try {
    for (;;) {
      // A QEMU that ends by being switched off is away for a moment before it is known to be gone.
      const state = await runState.read(either).catch((error: unknown) => {
        if (hasCode(error, 'NS_QMP')) return 'mute';
        throw error;
      });
      if (holds(state)) return;
      await clock.sleep(PAUSE, either);
    }
  } finally {
    deadline.release();
  }
}
