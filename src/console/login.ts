import { type Duration, formatDuration, seconds } from '../base/index.ts';
import type { LoginDesk, TechnicianSession } from '../security/index.ts';
import { type ConsoleCommand, LeftConsole } from './session.ts';

/** Writes an entry into the audit log. */
type Note = (event: string, detail: string) => Promise<unknown>;

/** Who is logged in on one line: nobody, or one technician. */
export class Seat {
  readonly #audit: Note;
  #session: TechnicianSession | undefined;
  #written: Promise<unknown> = Promise.resolve();

  /** `audit` does not reject. */
  constructor(audit: Note) {
    this.#audit = audit;
  }

  get session(): TechnicianSession | undefined {
    return this.#session;
  }

  /** Resolves when all that was to be written down is. */
  get written(): Promise<unknown> {
    return this.#written;
  }

  take(session: TechnicianSession): void {
    this.leave('somebody else has logged in');
    this.#session = session;
  }

  /** Who was logged in is so no more; nothing where nobody was. */
  leave(why: string): void {
    const name = this.#session?.name;
    if (name !== undefined) this.noteLeft(name, why);
  }

  /** Also of somebody who had gone before being let in. */
  noteLeft(name: string, why: string): void {
    this.#session = undefined;
    this.#written = this.#written.then(() => this.#audit('console.log-out', `${name}, ${why}`));
  }
}

const inWords = (wait: Duration): string => formatDuration(seconds(Math.ceil(wait / 1000)));

export function loginCommand(desk: Pick<LoginDesk, 'logIn'>, seat: Seat): ConsoleCommand {
  return {
    name: 'login',
    says: 'log in as a technician of this device',
    usage: 'login [NAME]',
    details: [
      'The password is asked for and not shown. A wrong one makes the next try wait, never for good.',
    ],
    run: async (talk, [named, ...more]) => {
      if (seat.session !== undefined) {
        talk.say(`${seat.session.name} is logged in here; "logout" first.`);
        return;
      }
      if (more.length > 0) {
        talk.say('Type the name alone. The password is asked for, so that no screen shows it.');
        return;
      }
      const name = named ?? (await talk.ask('name: ')).trim();
      if (name === '') return;
      const answer = await desk.logIn(name, await talk.ask('password: ', { hidden: true }));
      if (answer.is === 'in' && talk.signal.aborted) {
        // Whoever sits there now is not who has typed that.
        seat.noteLeft(answer.session.name, 'gone before the answer');
      } else if (answer.is === 'in') {
        seat.take(answer.session);
        talk.say(
          `Logged in as ${answer.session.name}. "help" lists what there is now; "logout" when you go.`,
        );
      } else if (answer.is === 'wrong') {
        talk.say(`Wrong name or password. The next try has to wait ${inWords(answer.wait)}.`);
      } else talk.say(`Too soon: wait ${inWords(answer.wait)}. This was not looked at.`);
    },
  };
}

/** Leaves the console too: what somebody has typed is not for the next one. */
export function logoutCommand(seat: Seat): ConsoleCommand {
  return {
    name: 'logout',
    says: 'log out',
    run: async (talk) => {
      talk.say(`${seat.session?.name ?? 'Nobody'} has logged out.`);
      throw new LeftConsole('logout');
    },
  };
}
