import type { Vitals } from '../../agent/index.ts';
import { onlineStatement } from '../../agent/index.ts';
import { minutes, orAborted, sentenceOf, toHex, utf8 } from '../../base/index.ts';
import {
  becameOf,
  confirm,
  NEVER_PROVEN,
  readUpdateNote,
  rollBack,
  runTrial,
  type SelfCheck,
  type Slot,
  type TrialEnd,
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
    ...board.switches
      .filter(({ disk }) => note?.silent?.includes(disk) !== true)
      .map(
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
        await orAborted(s.bus.publish(topic, payload, { transient: true }), signal);
        return undefined;
      },
    },
  ];
}

/**
 * Runs the trial where this firmware is on one: confirms it, or rolls it back and asks for a restart, whatever else fails on
 * the way. What the boot did since the last start is noted too.
 */
export async function startTrial(
  s: TrialSurroundings,
  stop: AbortSignal,
  restart: () => void,
): Promise<void> {
  const { firmware, machine, log } = s;
  const { book, slots, version } = firmware;
  const { running } = slots;
  const note = await readUpdateNote(machine.store).catch(() => undefined);
  const state = running === 'recovery' ? undefined : book.record.slots[running];
  if (running === 'recovery' || state?.is !== 'trying') return noteEnd(s, note);
  // A note of another update, as from a copy of the state that was put back, is none of this trial's.
  const own = note?.slot === running && toHex(note.sha256) === state.sha256 ? note : undefined;
  const place = `version ${version} in slot ${running}`;
  const end: TrialEnd =
    own?.state === 'rolled-back'
      ? { is: 'failed', why: own.why ?? NEVER_PROVEN }
      : await tryOut(s, own, running, stop);
  if (end.is === 'stopped') return;
  firmware.waiting = undefined;
  if (end.is === 'proven') {
    if (own !== undefined) await attempt(log, writeUpdateNote(machine.store, { ...own, state: 'confirmed' }));
    await attempt(log, tell(s, 'firmware.confirmed', place));
    return;
  }
  const { why } = end;
  // The note before the record, or the older firmware could not say why; where power fails between the two, above ends it.
  if (own !== undefined)
    await attempt(log, writeUpdateNote(machine.store, { ...own, state: 'rolled-back', why }));
  await attempt(log, tell(s, 'firmware.rolled-back', `${place}: ${why}`));
  // Where the record cannot be written either, the boot has counted this start.
  await attempt(
    log,
    book.change((record) => rollBack(record, running)),
  );
  restart();
}

/** The test, and where it is passed the word of it in the boot record. */
async function tryOut(
  s: TrialSurroundings,
  note: UpdateNote | undefined,
  running: Slot,
  signal: AbortSignal,
): Promise<TrialEnd> {
  const { firmware, clock, log } = s;
  const { version, config } = firmware;
  log.log('info', 'firmware.on-trial', { version, slot: running, minutes: config.trialMinutes });
  const end = await runTrial({
    checks: selfChecks(s, note),
    clock,
    limit: minutes(config.trialMinutes),
    signal,
    onWaits: (what) => {
      firmware.waiting = what;
      log.log('info', 'firmware.trial-waits', { for: what });
    },
  });
  if (end.is === 'failed')
    return { ...end, why: `in ${config.trialMinutes} minutes it did not pass its own test: ${end.why}` };
  if (end.is === 'stopped') return end;
  try {
    await firmware.book.change((record) => confirm(record, running));
    return end;
  } catch (error) {
    return { is: 'failed', why: `it could not write that it is proven: ${sentenceOf(error)}` };
  }
}

/** An update whose end its note does not have yet: it never came as far as to say so itself, or was cut off in that. */
async function noteEnd(s: TrialSurroundings, note: UpdateNote | undefined): Promise<void> {
  const { firmware, machine, log } = s;
  const state = note && becameOf(note, firmware.book.record);
  if (note === undefined || note.state !== 'trying' || state === undefined || state === 'trying') return;
  const why = state === 'rolled-back' ? { why: NEVER_PROVEN } : {};
  await attempt(log, writeUpdateNote(machine.store, { ...note, state, ...why }));
  const place = `version ${note.version} in slot ${note.slot}`;
  await attempt(
    log,
    state === 'confirmed'
      ? tell(s, 'firmware.confirmed', place)
      : tell(s, 'firmware.rolled-back', `${place}: ${NEVER_PROVEN}`),
  );
}

async function tell(
  { machine, clock, log }: TrialSurroundings,
  event: 'firmware.confirmed' | 'firmware.rolled-back',
  detail: string,
): Promise<void> {
  log.log(event === 'firmware.rolled-back' ? 'error' : 'info', event, { detail });
  await machine.audit.append({ at: clock.wallSeconds(), event, detail });
}

/** What fails here keeps no trial from its end: a full disk, for example. */
async function attempt(log: LogSink, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    log.log('error', 'firmware.trial-failed', { error: sentenceOf(error) });
  }
}
