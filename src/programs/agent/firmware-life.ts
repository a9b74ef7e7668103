import { asNsError } from '../../base/index.ts';
import type { BusState } from '../../ports/index.ts';
import { type RestartSurroundings, whenQuiet } from './firmware-restart.ts';
import { startTrial, type TrialSurroundings } from './firmware-trial.ts';

export interface FirmwareLife {
  /** Resolves once, where the board is to start anew, with why. */
  readonly restart: Promise<string>;
  /** From here on a firmware on trial is tested. */
  start(): void;
  stop(): void;
}

/** What the device does with its firmware beside its tasks: the restart after an update, and the trial after that. */
export function followFirmware(
  parts: Omit<TrialSurroundings, 'busState'> & RestartSurroundings,
): FirmwareLife {
  const { firmware, bus, log } = parts;
  const stopping = new AbortController();
  let state: BusState = { is: 'down', reason: 'not connected yet' };
  const unhear = bus.onState((now) => {
    state = now;
  });
  let restart: (why: string) => void = () => {};
  const restarting = new Promise<string>((resolve) => {
    restart = resolve;
  });
  const failed = (event: string) => (error: unknown) => {
    if (!stopping.signal.aborted) log.log('error', event, { error: asNsError(error).message });
  };
  firmware.onRestart = (order) => {
    whenQuiet(order, parts, stopping.signal).then(
      () => restart('a new firmware is to be tried'),
      failed('firmware.restart-failed'),
    );
  };
  return {
    restart: restarting,
    start() {
      startTrial({ ...parts, busState: () => state }, stopping.signal, () =>
        restart('the firmware on trial did not pass its test'),
      ).catch(failed('firmware.trial-failed'));
    },
    stop() {
      unhear();
      stopping.abort();
    },
  };
}
