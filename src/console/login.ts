import { type Duration, formatDuration, seconds } from '../base/index.ts';
import { type LoginAnswer, type LoginDesk, PassRows, type TechnicianSession } from '../security/index.ts';
import { type ConsoleCommand, LeftConsole, type Talk } from './session.ts';

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

/** Nobody types on for ever what is no pass. */
const MOST_MISTYPED = 64;

const inWords = (wait: Duration): string => formatDuration(seconds(Math.ceil(wait / 1000)));

export function loginCommand(desk: Pick<LoginDesk, 'logIn' | 'byPass'>, seat: Seat): ConsoleCommand {
  return {
    name: 'login',
    says: 'log in as a technician of this device',
    usage: 'login [NAME] | login --pass',
    details: [
      'The password is asked for and not shown. A wrong one makes the next try wait, never for good.',
      '--pass lets in who has no account here, by a pass that somebody at the desk has made: it is pasted, or typed row by row, and good once.',
    ],
    complete: () => ['--pass'],
    run: async (talk, [named, ...more]) => {
      if (seat.session !== undefined) {
        talk.say(`${seat.session.name} is logged in here; "logout" first.`);
        return;
      }
      if (more.length > 0) {
        talk.say('Type the name alone. The password is asked for, so that no screen shows it.');
        return;
      }
      const answer = /^--?pass$/.test(named ?? '')
        ? await byPass(talk, desk)
        : await byPassword(talk, desk, named);
      if (answer === undefined) return;
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
      } else if (answer.is === 'refused') {
        const { code, sentence, remedy } = answer.refusal;
        talk.say(`Refused ${code}: ${sentence}`);
        talk.say(remedy);
        talk.say(`The next try has to wait ${inWords(answer.wait)}.`);
      } else talk.say(`Too soon: wait ${inWords(answer.wait)}. This was not looked at.`);
    },
  };
}

type Desk = Pick<LoginDesk, 'logIn' | 'byPass'>;

async function byPassword(
  talk: Talk,
  desk: Desk,
  named: string | undefined,
): Promise<LoginAnswer | undefined> {
  const name = named ?? (await talk.ask('name: ')).trim();
  if (name === '') return undefined;
  return desk.logIn(name, await talk.ask('password: ', { hidden: true }));
}

/** Undefined where whoever types has had enough. */
async function byPass(talk: Talk, desk: Desk): Promise<LoginAnswer | undefined> {
  const rows = new PassRows();
  for (let mistyped = 0; mistyped < MOST_MISTYPED; ) {
    const of = rows.total === undefined ? '' : ` of ${rows.total}`;
    const typed = (await talk.ask(`row ${rows.next}${of}: `)).trim();
    if (typed === '') return undefined;
    // The marks around it, where all was pasted.
    if (typed.startsWith('-----')) continue;
    const answer = rows.take(typed);
    if (answer.is === 'whole') return desk.byPass(answer.packed);
    if (answer.is === 'more') continue;
    mistyped += 1;
    talk.say('Mistyped: type that row again. An empty one leaves; this was not counted.');
  }
  talk.say('Left: that is no pass.');
  return undefined;
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
