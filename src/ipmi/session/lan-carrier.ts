import {
  asNsError,
  type Duration,
  eitherSignal,
  hasCode,
  milliseconds,
  NsError,
  sentenceOf,
} from '../../base/index.ts';
import type { Datagram, Stop } from '../../ports/index.ts';
import type { BridgeTarget, BridgingCarrier } from '../bridge.ts';
import { type Carrier, NOTHING } from '../command.ts';
import { getDeviceId } from '../commands/get-device-id.ts';
import { IpmiCompletion } from '../faults.ts';
import { CIPHER_SUITES, type CipherSuiteId } from '../wire/cipher-suite.ts';
import { HoldOff } from './hold-off.ts';
import type { LanCarrierOptions } from './lan-carrier-options.ts';
import type { Patience } from './line.ts';
import { raiseLevel } from './raise-level.ts';
import { IpmiSession, type Question } from './session.ts';
import { LEVEL, type Level } from './set-up.ts';

export type { LanCarrierOptions };

const MOST_WAITING = 64;
const SLOWER = 4;
const KEEP_ALIVE: Question = {
  name: getDeviceId.name,
  netFn: getDeviceId.netFn,
  command: getDeviceId.code,
  data: NOTHING,
  repeatable: true,
};

interface Open {
  readonly session: IpmiSession;
  level: Level;
}

/** Commands over RMCP+: one session, used again and again, opened when it is needed, one request at a time. */
export class LanCarrier implements BridgingCarrier {
  readonly #options: LanCarrierOptions;
  readonly #over = new AbortController();
  #suites: readonly CipherSuiteId[];
  #open: Open | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #stopKeepAlive: Stop | undefined;
  readonly #patience: Patience;
  readonly #holdOff = new HoldOff();

  constructor(options: LanCarrierOptions) {
    this.#options = options;
    this.#suites = options.suites;
    const { patience, login } = options;
    const slow = login.quirks?.has('slow-answers') === true;
    this.#patience = slow ? { ...patience, first: milliseconds(SLOWER * patience.first) } : patience;
  }

  /** NS_IPMI_BUSY where too many wait already, NS_IPMI_SILENT when `within` is over; codes of IpmiSession otherwise. */
  carry(question: Parameters<Carrier['carry']>[0], signal: AbortSignal) {
    return this.#queue(question, signal);
  }

  /** As carry, to a controller behind the BMC; its reason not to hand it on is an IpmiCompletion of Send Message. */
  carryTo(target: BridgeTarget, question: Parameters<Carrier['carry']>[0], signal: AbortSignal) {
    return this.#queue(question, signal, target);
  }

  async #queue(question: Parameters<Carrier['carry']>[0], signal: AbortSignal, target?: BridgeTarget) {
    this.#over.signal.throwIfAborted();
    signal.throwIfAborted();
    if (this.#waiting >= MOST_WAITING) {
      throw new NsError('NS_IPMI_BUSY', `${MOST_WAITING} commands wait for this BMC already`, {
        retryable: true,
      });
    }
    this.#waiting += 1;
    const open = this.#waiting === 1 ? this.#readyFor(question.level) : undefined;
    const mine =
      open === undefined
        ? this.#inTime(question, signal, (until) => this.#carry(question, until, target))
        : this.#atOnce(open, question, signal, target);
    this.#turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** A session that is open, at this level, and whose question ends in time by itself: nothing else has to watch it. */
  #readyFor(level: Level): Open | undefined {
    const { within } = this.#options;
    const open = this.#usable();
    const enough = open !== undefined && LEVEL[open.level] >= LEVEL[level];
    return enough && (within === undefined || within >= this.#patience.total) ? open : undefined;
  }

  async #atOnce(
    { session }: Open,
    question: Parameters<Carrier['carry']>[0],
    signal: AbortSignal,
    target: BridgeTarget | undefined,
  ) {
    const { clock } = this.#options;
    const begin = clock.monotonic();
    try {
      return await session.ask(question, signal, target);
    } catch (error) {
      const spent = milliseconds(clock.monotonic() - begin);
      const again = (until: AbortSignal) =>
        this.#again(error, question, until, target, { reused: true, sent: true });
      return await this.#inTime(question, signal, again, spent);
    }
  }

  /** After those in front, and within what is left of the time for a command. */
  async #inTime<T>(
    question: Parameters<Carrier['carry']>[0],
    signal: AbortSignal,
    work: (until: AbortSignal) => Promise<T>,
    spent?: Duration,
  ): Promise<T> {
    const { clock, within } = this.#options;
    const left = within === undefined ? undefined : milliseconds(within - (spent ?? 0));
    const deadline = left === undefined ? undefined : clock.deadline(left, question.name);
    const given = [signal, this.#over.signal];
    const until = eitherSignal(...given, ...(deadline === undefined ? [] : [deadline.signal]));
    try {
      // What has begun already is in front itself.
      if (spent === undefined) await this.#turn;
      return await work(until.signal);
    } catch (error) {
      if (given.some(({ aborted }) => aborted) || deadline?.signal.aborted !== true) throw error;
      throw new NsError('NS_IPMI_SILENT', sentenceOf(error), { retryable: true, cause: error });
    } finally {
      until.release();
      deadline?.release();
    }
  }

  /** A session of its own, beside the one for commands: for a console. Whoever asks for it closes it. */
  openSession(signal: AbortSignal): Promise<IpmiSession> {
    const until = AbortSignal.any([signal, this.#over.signal]);
    until.throwIfAborted();
    return this.#openSession(until);
  }

  /** Ends what is under way and frees the session at the BMC. */
  async close(): Promise<void> {
    const closed = new NsError('NS_IPMI_CLOSED', 'the IPMI client was closed');
    this.#over.abort(closed);
    this.#open?.session.cancel(closed);
    this.#stopKeepAlive?.();
    await this.#turn;
    const open = this.#open;
    this.#open = undefined;
    await open?.session.close(new AbortController().signal);
  }

  async #carry(question: Parameters<Carrier['carry']>[0], signal: AbortSignal, target?: BridgeTarget) {
    signal.throwIfAborted();
    const reused = this.#usable() !== undefined;
    let sent = false;
    try {
      const open = await this.#ready(question.level, signal);
      sent = true;
      return await open.session.ask(question, signal, target);
    } catch (error) {
      return await this.#again(error, question, signal, target, { reused, sent });
    }
  }

  async #again(
    error: unknown,
    question: Parameters<Carrier['carry']>[0],
    signal: AbortSignal,
    target: BridgeTarget | undefined,
    { reused, sent }: { readonly reused: boolean; readonly sent: boolean },
  ) {
    // Whoever asked went away; the session is as good as before, and a late answer matches no later question.
    if (signal.aborted || error instanceof IpmiCompletion) throw error;
    await this.#drop();
    // A session that the BMC has forgotten is answered by silence: opened anew once, for what may be asked twice or was
    // not asked yet.
    const may = reused && (question.repeatable || !sent) && hasCode(error, 'NS_IPMI_SILENT');
    if (!may) throw error;
    const open = await this.#ready(question.level, signal);
    return await open.session.ask(question, signal, target);
  }

  #usable(): Open | undefined {
    const open = this.#open;
    return open !== undefined && open.session.idle < this.#options.idle ? open : undefined;
  }

  async #ready(level: Level, signal: AbortSignal): Promise<Open> {
    let open = this.#usable();
    if (open === undefined) {
      await this.#drop();
      open = { session: await this.#openSession(signal), level: 'user' };
      this.#open = open;
      this.#keepAlive();
    }
    if (LEVEL[open.level] < LEVEL[level]) {
      await raiseLevel(open.session, level, signal);
      open.level = level;
    }
    return open;
  }

  async #openSession(signal: AbortSignal): Promise<IpmiSession> {
    const { clock } = this.#options;
    this.#holdOff.check(clock.monotonic());
    try {
      const session = await this.#withSomeSuite(signal);
      this.#holdOff.opened();
      return session;
    } catch (error) {
      this.#holdOff.failed(error, clock.monotonic());
      throw error;
    }
  }

  async #withSomeSuite(signal: AbortSignal): Promise<IpmiSession> {
    const { openDatagram, clock, entropy, login, onSuite, onQuirk } = this.#options;
    let first: unknown;
    for (const suite of this.#suites) {
      try {
        const datagram = await unlessAborted(openDatagram(), signal);
        const withSuite = { ...login, suite: CIPHER_SUITES[suite] };
        const session = await IpmiSession.open(
          {
            datagram,
            clock,
            entropy,
            login: withSuite,
            patience: this.#patience,
            ...(onQuirk === undefined ? {} : { onQuirk }),
          },
          signal,
        );
        if (suite === 17) this.#suites = [17];
        onSuite?.(suite);
        return session;
      } catch (error) {
        // The first reason is the one that tells: a fall-back may fail for another.
        first ??= error;
        if (!hasCode(error, 'NS_IPMI_SUITE')) throw first;
      }
    }
    if (first === undefined)
      throw new NsError('NS_IPMI_SUITE', 'no cipher suite is allowed', { family: 'caller' });
    if (this.#suites.includes(3)) throw first;
    const sentence = `${sentenceOf(first)}; only cipher suite 17 was tried, as 3 is not allowed here`;
    throw new NsError('NS_IPMI_SUITE', sentence, { family: 'peer', cause: first });
  }

  async #drop(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#stopKeepAlive?.();
    this.#stopKeepAlive = undefined;
    await open?.session.abandon();
  }

  #keepAlive(): void {
    const { keepAlive, clock } = this.#options;
    if (keepAlive === undefined) return;
    this.#stopKeepAlive = clock.every(keepAlive, () => {
      const open = this.#open;
      if (open === undefined || this.#waiting > 0 || open.session.idle < keepAlive) return;
      this.carry({ ...KEEP_ALIVE, level: 'user' }, this.#over.signal).catch(() => {});
    });
  }
}

/** Looking a name up cannot be ended; what comes of it too late is closed. */
async function unlessAborted(opening: Promise<Datagram>, signal: AbortSignal): Promise<Datagram> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(asNsError(signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([opening, aborted]);
  } catch (error) {
    opening.then(
      (late) => late.close(),
      () => {},
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
