import type { Vitals } from '../../agent/index.ts';
import { onlineStatement } from '../../agent/index.ts';
import { asNsError, minutes, utf8 } from '../../base/index.ts';
import {
  confirm,
  readUpdateNote,
  rollBack,
  runTrial,
  type SelfCheck,
  type UpdateNote,
  writeUpdateNote,
} from '../../firmware/index.ts';
import type { BusState, Clock, LogSink, MessageBus } from '../../ports/index.ts';
import type { KeyringHolder } from '../../security/index.ts';
import type { DeviceIdentity } from '../../tasks/index.ts';
import type { DeviceFirmware } from './firmware.ts';
import type { Machine } from './machine.ts';

/** What a firmware on trial is tested with. */
export interface TrialSurroundings {
  readonly firmware: DeviceFirmware;
  readonly machine: Machine;
  readonly keyring: KeyringHolder;
  readonly bus: MessageBus;
  /** The last that the bus said of itself. */
  readonly busState: () => BusState;
  readonly identity: DeviceIdentity;
  readonly vitals: () => Vitals;
  readonly giveNonce: () => Uint8Array;
  readonly clock: Clock;
  readonly log: LogSink;
}

const PROBE = 'firmware-probe';

/** All that a new firmware must be able to do before it may stay. */
export function selfChecks(s: TrialSurroundings, note: UpdateNote | undefined): SelfCheck[] {
  const { store, power, board, keyStore } = s.machine;
  return [
    {
      name: 'the keyring',
      look: async () => (s.keyring.inForce.source === 'damaged' ? 'no copy of it is whole' : undefined),
    },
    {
      name: 'the audit log',
      look: async () => {
        await s.machine.audit.read(s.machine.audit.first);
        return undefined;
      },
    },
    {
      name: 'its own storage',
      look: async () => {
        const text = s.identity.version;
        await store.writeDocument(PROBE, utf8(text));
        const back = await store.readDocument(PROBE);
        await store.remove(PROBE);
        return back !== undefined && new TextDecoder().decode(back) === text
          ? undefined
          : 'it does not give back what was written';
      },
    },
    {
      name: "the host's power",
      look: async (signal) => {
        const { state } = await power.read(signal);
        return state === 'unknown' && note?.powerKnown === true
          ? 'it cannot be told, and the firmware before could'
          : undefined;
      },
    },
    ...board.switches.map(
      (drive): SelfCheck => ({
        name: `the port of ${drive.disk}`,
        look: async (signal) => {
          await drive.position(signal);
          return undefined;
        },
      }),
    ),
    {
      name: 'its broker',
      look: async (signal) => {
        const state = s.busState();
        if (state.is === 'down') return `there is no connection: ${state.reason}`;
        const { topic, payload } = await onlineStatement(s, keyStore);
        await within(s.bus.publish(topic, payload, { transient: true }), signal);
        return undefined;
      },
    },
  ];
}

/**
 * Runs the trial where this firmware is on one: confirms it, or rolls it back and asks for a restart. What the boot did since
 * the last start is noted too.
 */
export async function startTrial(
  s: TrialSurroundings,
  stop: AbortSignal,
  restart: () => void,
): Promise<void> {
  const { firmware, machine, clock, log } = s;
  const { book, slots, version, config } = firmware;
  const { running } = slots;
  const note = await readUpdateNote(machine.store);
  const tell = async (event: string, detail: string): Promise<void> => {
    log.log(event === 'firmware.rolled-back' ? 'error' : 'info', event, { detail });
    await machine.audit.append({ at: clock.wallSeconds(), event, detail });
  };
  if (running === 'recovery' || book.record.slots[running].is !== 'trying') {
    await noteFallBack(s, note, tell);
    return;
  }
  log.log('info', 'firmware.on-trial', { version, slot: running, minutes: config.trialMinutes });
  const end = await runTrial({
    checks: selfChecks(s, note),
    clock,
    limit: minutes(config.trialMinutes),
    signal: stop,
    onWaits: (what) => {
      firmware.waiting = what;
      log.log('info', 'firmware.trial-waits', { for: what });
    },
  });
  if (end.is === 'stopped') return;
  if (end.is === 'proven') {
    await book.change((record) => confirm(record, running));
    firmware.waiting = undefined;
    if (note !== undefined) await writeUpdateNote(machine.store, { ...note, state: 'confirmed' });
    await tell('firmware.confirmed', `version ${version} in slot ${running}`);
    return;
  }
  const why = `in ${config.trialMinutes} minutes it did not pass its own test: ${end.why}`;
  if (note !== undefined) await writeUpdateNote(machine.store, { ...note, state: 'rolled-back', why });
  await tell('firmware.rolled-back', `version ${version} in slot ${running}: ${why}`);
  await book.change((record) => rollBack(record, running));
  restart();
}

/** An update that was on trial and does not run: it never came as far as to say so itself. */
async function noteFallBack(
  { firmware, machine }: TrialSurroundings,
  note: UpdateNote | undefined,
  tell: (event: string, detail: string) => Promise<void>,
): Promise<void> {
  const { book, slots } = firmware;
  if (note?.state !== 'trying') return;
  const state = book.record.slots[note.slot];
  if (slots.running === note.slot && state.is === 'good') {
    // Confirmed, and cut off before that was written here.
    await writeUpdateNote(machine.store, { ...note, state: 'confirmed' });
    return;
  }
  if (state.is !== 'bad') return;
  const why = 'it was started as often as it may be, or was not whole, and never proved itself';
  await writeUpdateNote(machine.store, { ...note, state: 'rolled-back', why });
  await tell('firmware.rolled-back', `version ${note.version} in slot ${note.slot}: ${why}`);
}

async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(asNsError(signal.reason)), { once: true });
    }),
  ]);
}
