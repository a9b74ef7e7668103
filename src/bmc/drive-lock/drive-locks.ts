import { asNsError, orAborted, seconds } from '../../base/index.ts';
import type { Clock, DriveSecurity, DriveSecurityState, LogSink } from '../../ports/index.ts';
import type { DriveLockFact } from './drive-fact.ts';
import type { DriveNotebook } from './drive-notebook.ts';
import { allOpened, armNote, candidates, changed, driveFact, openStep, triedAnew } from './drive-rules.ts';

export interface DriveLocksOptions {
  readonly drives: readonly DriveSecurity[];
  readonly notebook: DriveNotebook;
  /** False: drives that were armed are opened, and none is armed any more. */
  readonly arms: boolean;
  readonly clock: Clock;
  readonly log: LogSink;
}

/** A drive that spins up before it answers, and two commands. */
const ONE_DRIVE = seconds(15);
const ONE_LOOK = seconds(5);
/** Commands for one drive in one go: every password that it may have, and what follows the right one. */
const MOST_STEPS = 8;

/**
 * The drives' own locks (ATA security) as a part of the lock. A password is noted durably before its drive hears of it, so that no
 * cut leaves a drive locked by a password that nobody knows; what a drive says of itself afterwards decides what came of it. Nothing
 * is sent to a drive that somebody else has protected. Never rejects: what fails is in the log, and is tried again by whoever looks.
 */
export class DriveLocks {
  readonly #options: DriveLocksOptions;

  constructor(options: DriveLocksOptions) {
    this.#options = options;
  }

  /** Whether drives are armed at all. */
  get arms(): boolean {
    return this.#options.arms;
  }

  /** A drive, here or elsewhere, may still have a password of ours. */
  get waiting(): boolean {
    return this.#options.notebook.notes.some(({ is }) => is === 'armed');
  }

  /** As the drive says itself, now. */
  async fact(disk: string): Promise<DriveLockFact> {
    const { drives, notebook } = this.#options;
    const drive = drives.find((one) => one.disk === disk);
    if (drive === undefined) return 'cannot';
    if (!notebook.whole) return 'lost';
    try {
      const state = await this.#within(ONE_LOOK, disk, (signal) => drive.read(signal));
      return state === undefined ? 'empty' : driveFact(state, notebook.notes);
    } catch {
      return 'unknown';
    }
  }

  /** Gives a password to each of these disks that has none. */
  async arm(disks: readonly string[]): Promise<void> {
    if (!this.arms || !this.#options.notebook.whole) return;
    await this.#each('arming', disks, (drive, signal) => this.#arm(drive, signal));
  }

  /** Takes our passwords from the drives that are here. */
  async open(): Promise<void> {
    const { drives } = this.#options;
    if (!this.waiting) return;
    await this.#each(
      'opening',
      drives.map(({ disk }) => disk),
      (drive, signal) => this.#open(drive, signal),
    );
  }

  /** Somebody who may has ordered it: what was tried without an answer may be tried anew. */
  async renew(): Promise<void> {
    const { notebook, log } = this.#options;
    if (notebook.notes.every(({ tries }) => tries === 0)) return;
    await notebook.keep(triedAnew(notebook.notes)).catch((error: unknown) => {
      log.log('error', 'drive-lock.failed', { error: asNsError(error).message });
    });
  }

  async #arm(drive: DriveSecurity, signal: AbortSignal): Promise<void> {
    const { notebook, log } = this.#options;
    const { disk } = drive;
    const before = await drive.read(signal);
    if (before === undefined || driveFact(before, notebook.notes) !== 'open') return;
    const { serial } = before;
    const next = armNote(notebook.notes, serial);
    if (next === undefined) return;
    await notebook.keep(next.notes);
    // Storage may have been slow, and a hand quick.
    const still = await drive.read(signal);
    if (still === undefined || still.serial !== serial || still.enabled || still.frozen) return;
    signal.throwIfAborted();
    const answer = await drive.setPassword(notebook.password(next.note), signal);
    const after = await drive.read(signal);
    const armed = after?.serial === serial && after.enabled;
    log.log(armed ? 'warn' : 'error', armed ? 'drive-lock.armed' : 'drive-lock.not-armed', {
      disk,
      serial,
      answer,
    });
  }

  async #open(drive: DriveSecurity, signal: AbortSignal): Promise<void> {
    const { notebook, log } = this.#options;
    const { disk } = drive;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const state = await drive.read(signal);
      if (state === undefined || candidates(notebook.notes, state.serial).length === 0) return;
      const { serial } = state;
      if (!state.enabled) {
        await notebook.keep(allOpened(notebook.notes, serial));
        log.log('warn', 'drive-lock.opened', { disk, serial });
        return;
      }
      const next = openStep(state, notebook.notes);
      if (next === undefined) {
        log.log('warn', 'drive-lock.not-opened', { disk, serial, ...whyNot(state) });
        return;
      }
      const { send, note } = next;
      await notebook.keep(changed(notebook.notes, note, { tries: note.tries + 1 }));
      signal.throwIfAborted();
      const password = notebook.password(note);
      const answer = await (send === 'unlock'
        ? drive.unlock(password, signal)
        : drive.disablePassword(password, signal));
      if (answer === 'refused') log.log('error', 'drive-lock.refused', { disk, serial, send });
      await notebook.keep(
        changed(notebook.notes, note, answer === 'done' ? { tries: 0 } : { is: 'refused' }),
      );
    }
  }

  async #each(
    what: string,
    disks: readonly string[],
    act: (drive: DriveSecurity, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { drives, log } = this.#options;
    const these = drives.filter(({ disk }) => disks.includes(disk));
    await Promise.all(
      these.map(async (drive) => {
        try {
          await this.#within(ONE_DRIVE, `${what} ${drive.disk}`, (signal) => act(drive, signal));
        } catch (error) {
          const { message } = asNsError(error, 'NS_DRIVE_SECURITY');
          log.log('error', 'drive-lock.failed', { disk: drive.disk, what, error: message });
        }
      }),
    );
  }

  async #within<T>(
    limit: typeof ONE_LOOK,
    what: string,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const deadline = this.#options.clock.deadline(limit, `the own lock of ${what}`);
    try {
      return await orAborted(act(deadline.signal), deadline.signal);
    } finally {
      deadline.release();
    }
  }
}

const whyNot = ({ frozen, attemptsExpired, maximum }: DriveSecurityState) => ({
  frozen,
  attemptsExpired,
  maximum,
});
