import type { DriveSecurityState } from '../../ports/index.ts';
import type { DriveLockFact } from './drive-fact.ts';
import { type DriveNote, roomFor } from './drive-notes.ts';

/** Passwords of one serial number that may be on a drive: each may have to be tried, and a drive takes five wrong ones. */
export const MOST_ARMED = 3;
/** One of the five is left to the owner. */
const MOST_TRIES = 4;

/** Passwords that the drive may have and did not refuse, the newest first. */
export function candidates(notes: readonly DriveNote[], serial: string): readonly DriveNote[] {
  return notes.filter((note) => note.serial === serial && note.is === 'armed').sort((a, b) => b.n - a.n);
}

/** Ours are all of level maximum. */
export function driveFact(state: DriveSecurityState, notes: readonly DriveNote[]): DriveLockFact {
  const { serial, supported, enabled, locked, frozen, maximum } = state;
  if (!supported || serial === '') return 'cannot';
  if (enabled) {
    const ours = maximum && candidates(notes, serial).length > 0;
    return ours ? (locked ? 'locked' : 'armed') : 'foreign';
  }
  if (frozen) return 'frozen';
  return armNote(notes, serial) === undefined ? 'spent' : 'open';
}

/** The notes with one more, and which; undefined where there must be no more. */
export function armNote(
  notes: readonly DriveNote[],
  serial: string,
): { readonly notes: readonly DriveNote[]; readonly note: DriveNote } | undefined {
  const ofIt = notes.filter((note) => note.serial === serial);
  if (ofIt.filter(({ is }) => is !== 'opened').length >= MOST_ARMED) return undefined;
  const room = roomFor(notes, 1);
  if (room === undefined) return undefined;
  const note: DriveNote = { serial, n: Math.max(0, ...ofIt.map(({ n }) => n)) + 1, is: 'armed', tries: 0 };
  return { notes: [...room, note], note };
}

/** What to send to a drive that shall be open; the note has the password. Undefined where nothing may be, or need be. */
export function openStep(
  state: DriveSecurityState,
  notes: readonly DriveNote[],
): { readonly send: 'unlock' | 'disable'; readonly note: DriveNote } | undefined {
  if (!state.enabled || !state.maximum || state.frozen || state.attemptsExpired) return undefined;
  const [note] = candidates(notes, state.serial);
  const tries = notes
    .filter(({ serial, is }) => serial === state.serial && is !== 'opened')
    .reduce((sum, one) => sum + one.tries, 0);
  if (note === undefined || tries >= MOST_TRIES) return undefined;
  return { send: state.locked ? 'unlock' : 'disable', note };
}

/** The same notes but for this one. */
export function changed(
  notes: readonly DriveNote[],
  which: Pick<DriveNote, 'serial' | 'n'>,
  change: Partial<Pick<DriveNote, 'is' | 'tries'>>,
): readonly DriveNote[] {
  return notes.map((note) =>
    note.serial === which.serial && note.n === which.n ? { ...note, ...change } : note,
  );
}

/** A drive of this serial number has no password: none of ours is on it. */
export function allOpened(notes: readonly DriveNote[], serial: string): readonly DriveNote[] {
  return notes.map((note) => (note.serial === serial ? { ...note, is: 'opened', tries: 0 } : note));
}

/** An order of the owners: what was tried without an answer may be tried anew. What a drive refused stays refused. */
export function triedAnew(notes: readonly DriveNote[]): readonly DriveNote[] {
  return notes.map((note) => (note.is === 'armed' ? { ...note, tries: 0 } : note));
}
