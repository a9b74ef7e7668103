import { asNsError, minutes } from '../../base/index.ts';
import { readUpdateNote, TRIES, writeUpdateNote } from '../../firmware/index.ts';
import type { BusState } from '../../ports/index.ts';
import type { BlindFirmware, DeviceFirmware } from './firmware.ts';
import { type RestartSurroundings, whenQuiet } from './firmware-restart.ts';
import { startTrial, type TrialSurroundings } from './firmware-trial.ts';

export interface FirmwareLife {
  /** Resolves once, where the board is to start anew, with why. */
  readonly restart: Promise<string>;
  /** From here on a firmware on trial is tested. */
  start(): void;
  stop(): void;
}

type Parts = Omit<TrialSurroundings, 'busState' | 'firmware'> & RestartSurroundings;

/** What the device does with its firmware beside its tasks: the restart after an update, and the trial after that. */
export function followFirmware(
  parts: Parts & { readonly firmware: DeviceFirmware | BlindFirmware },
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
  const giveUp = () => restart('the firmware on trial did not pass its test');
  if ('book' in firmware)
    firmware.onRestart = (order) => {
      whenQuiet(order, parts, stopping.signal).then(
        () => restart('a new firmware is to be tried'),
        failed('firmware.restart-failed'),
      );
    };
  return {
    restart: restarting,
    start() {
      const trial =
        'book' in firmware
          ? startTrial({ ...parts, firmware, busState: () => state }, stopping.signal, giveUp)
          : endBlindTrial(firmware, parts, stopping.signal, giveUp);
      trial.catch((error: unknown) => {
        failed('firmware.trial-failed')(error);
        // A trial that nobody judges would never end.
        if ('book' in firmware && firmware.onTrial && !stopping.signal.aborted) giveUp();
      });
    },
    stop() {
      unhear();
      stopping.abort();
    },
  };
}

/**
 * Firmware that was to be tried and cannot read its own flash can neither confirm itself nor give itself up: it starts the
 * board anew, and the boot, which counts, brings back the one before. As often as the boot may have to count, and no oftener.
 */
async function endBlindTrial(
  { running, config }: BlindFirmware,
  { machine: { store }, clock }: Parts,
  stop: AbortSignal,
  restart: () => void,
): Promise<void> {
  const note = await readUpdateNote(store);
  const blind = note?.blind ?? 0;
  if (note?.state !== 'trying' || blind >= TRIES) return;
  if (running !== undefined && running !== note.slot) return;
  await writeUpdateNote(store, { ...note, blind: blind + 1 }).catch((error: unknown) => {
    // Uncounted only where it surely is the one on trial, which the boot counts.
    if (running !== note.slot) throw error;
  });
  await clock.sleep(minutes(config.trialMinutes), stop);
  restart();
}
