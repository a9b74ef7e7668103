import { type Duration, milliseconds, NsError, type Refusal, toHex } from '../../base/index.ts';
import type { Clock, KeyStore, StateStore } from '../../ports/index.ts';
import { isNoted, pauseAfter } from '../release/release-rules.ts';
import { keyStoreOf } from '../signing-key.ts';
import type { PassDesk } from './pass-desk.ts';
import { openNothing, openSealedKey } from './sealed-key.ts';
import { LONGEST_PASSWORD, readTechnicians } from './technician-book.ts';
import { decodeLogins, encodeLogins, type LoginRecord, NO_LOGINS } from './technician-record.ts';

/** Name of the document in the state store. */
export const LOGINS_DOCUMENT = 'technician-logins';

export interface LoginDeskOptions {
  readonly store: StateStore;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** The highest counter of a taken order by this key; 0 where there is none. */
  readonly lastCounter: (keyId: Uint8Array) => number;
  /** Writes an entry into the audit log. */
  readonly audit: (event: string, detail: string) => Promise<unknown>;
  /** Absent where nobody comes in by a pass. */
  readonly passes?: Pick<PassDesk, 'open'>;
}

export type LoginAnswer =
  | { readonly is: 'in'; readonly session: TechnicianSession }
  | { readonly is: 'too-soon'; readonly wait: Duration }
  /** Nobody of this name, or another password: which of the two is not told. */
  | { readonly is: 'wrong'; readonly wait: Duration }
  /** A pass that is not good. */
  | { readonly is: 'refused'; readonly refusal: Refusal; readonly wait: Duration };

/** Somebody who has logged in. */
export interface TechnicianSession {
  readonly name: string;
  /** Signs what is ordered. */
  readonly key: KeyStore;
  /** By which the key has its right, where somebody came by a pass. */
  readonly grants?: readonly Uint8Array[];
  /** Counters of orders, each given out once. */
  nextCounter(): number;
}

/** What a damaged record could have counted. */
const MANY_FAILED = 16;

/**
 * Judges who logs in at the console of a device. Every wrong answer makes the next one wait longer, up to five minutes and
 * never for good, and a restart forgets none of them.
 */
export class LoginDesk {
  readonly #o: LoginDeskOptions;
  #record: LoginRecord | undefined;
  #notBefore = Number.NEGATIVE_INFINITY;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LoginDeskOptions) {
    this.#o = options;
  }

  /** What earlier tries have to wait for begins now. */
  async open(): Promise<void> {
    await this.#inTurn(async () => {
      const { failed } = await this.#current();
      this.#notBefore = this.#o.clock.monotonic() + pauseAfter(failed);
    });
  }

  logIn(name: string, password: string): Promise<LoginAnswer> {
    return this.#inTurn(() => this.#judge(name, password));
  }

  /** By a pass as it was packed. It waits for earlier wrong answers as a password does, and makes the next one wait. */
  byPass(packed: Uint8Array): Promise<LoginAnswer> {
    return this.#inTurn(() => this.#judgePass(packed));
  }

  /** How many have failed, this one among them; or how long to wait. */
  async #try(): Promise<number | { readonly is: 'too-soon'; readonly wait: Duration }> {
    const wait = this.#notBefore - this.#o.clock.monotonic();
    if (wait > 0) return { is: 'too-soon', wait: milliseconds(Math.ceil(wait)) };
    const { failed } = await this.#current();
    // Counted before it is judged: whoever cuts the power in between has had a try.
    await this.#save({ failed: failed + 1 });
    return failed + 1;
  }

  async #failed(tries: number, who: string): Promise<Duration> {
    const pause = pauseAfter(tries);
    this.#notBefore = this.#o.clock.monotonic() + pause;
    if (isNoted(tries)) await this.#o.audit('console.refused', `${who}, try ${tries}`);
    return pause;
  }

  async #judgePass(packed: Uint8Array): Promise<LoginAnswer> {
    const { passes, audit } = this.#o;
    if (passes === undefined) throw new NsError('NS_PASS', 'this device takes no passes');
    const tries = await this.#try();
    if (typeof tries !== 'number') return tries;
    const opened = await passes.open(packed);
    if (!opened.ok) {
      const { refusal } = opened;
      return { is: 'refused', refusal, wait: await this.#failed(tries, `by a pass, ${refusal.code}`) };
    }
    const { session, by } = opened.value;
    await this.#save({ failed: 0 });
    await audit('console.log-in', `${session.name}, by a pass of ${by.name}, key ${toHex(by.keyId)}`);
    return { is: 'in', session };
  }

  async #judge(name: string, password: string): Promise<LoginAnswer> {
    const { store, audit } = this.#o;
    const tries = await this.#try();
    if (typeof tries !== 'number') return tries;
    const technician = (await readTechnicians(store)).find((known) => known.name === name);
    const typed = password.slice(0, LONGEST_PASSWORD + 1);
    const key =
      technician === undefined
        ? await openNothing(typed).then(() => undefined)
        : await openSealedKey(name, typed, technician.key);
    if (key === undefined) {
      // Of a name that is nobody's no part is kept: it may be a password that was typed too early.
      const who = technician === undefined ? 'nobody of this device' : name;
      return { is: 'wrong', wait: await this.#failed(tries, who) };
    }
    await this.#save({ failed: 0 });
    await audit('console.log-in', name);
    return { is: 'in', session: this.#session(name, keyStoreOf(key)) };
  }

  #session(name: string, key: KeyStore): TechnicianSession {
    let last = 0;
    return {
      name,
      key,
      nextCounter: () => {
        last = Math.max(last, this.#o.lastCounter(key.publicKey.keyId)) + 1;
        return last;
      },
    };
  }

  async #current(): Promise<LoginRecord> {
    if (this.#record !== undefined) return this.#record;
    const stored = await this.#o.store.readDocument(LOGINS_DOCUMENT);
    if (stored === undefined) this.#record = NO_LOGINS;
    else this.#record = decodeLogins(stored) ?? { failed: MANY_FAILED };
    return this.#record;
  }

  async #save(record: LoginRecord): Promise<void> {
    await this.#o.store.writeDocument(LOGINS_DOCUMENT, encodeLogins(record));
    this.#record = record;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work, work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
