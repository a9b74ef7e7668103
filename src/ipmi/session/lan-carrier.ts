import { asNsError, type Duration, hasCode, milliseconds, NsError, sentenceOf } from '../../base/index.ts';
import type { Clock, Datagram, Entropy, Stop } from '../../ports/index.ts';
import type { BridgeTarget, BridgingCarrier } from '../bridge.ts';
import type { Carrier } from '../command.ts';
import { IpmiCompletion } from '../faults.ts';
import { CIPHER_SUITES, type CipherSuiteId } from '../wire/cipher-suite.ts';
import { NET_FN } from '../wire/message.ts';
import { HoldOff } from './hold-off.ts';
import type { Patience } from './line.ts';
import type { Quirk } from './quirks.ts';
import { raiseLevel } from './raise-level.ts';
import { IpmiSession, type Question } from './session.ts';
import { LEVEL, type Level, type Login } from './set-up.ts';

export interface LanCarrierOptions {
  /** A socket of its own for each session. */
  readonly openDatagram: () => Promise<Datagram>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly login: Omit<Login, 'suite'>;
  /** Tried in this order; the next one only where the BMC refuses the suite itself. */
  readonly suites: readonly CipherSuiteId[];
  /** Called with the suite of each session opened: once 17 has worked, nothing weaker is tried again. */
  readonly onSuite?: (suite: CipherSuiteId) => void;
  /** Called with each quirk that a session puts to use. */
  readonly onQuirk?: (quirk: Quirk) => void;
  /** For each question to the BMC, those of session set-up among them. */
  readonly patience: Patience;
  /** For a command as a whole, waiting for its turn and opening a session included. */
  readonly within?: Duration;
  /** Keeps a session open by asking for the device id when nothing else was asked for so long; without it a session that
   * was idle for longer than `idle` is opened anew at the next command. */
  readonly keepAlive?: Duration;
  /** A BMC forgets a session after about 60 s (IPMI 2.0, 6.12.15); less than that. */
  readonly idle: Duration;
}

const MOST_WAITING = 64;
const SLOWER = 4;
const KEEP_ALIVE: Question = {
  name: 'Get Device ID',
  netFn: NET_FN.app,
  command: 0x01,
  data: new Uint8Array(0),
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
    const given = AbortSignal.any([signal, this.#over.signal]);
    given.throwIfAborted();
    if (this.#waiting >= MOST_WAITING) {
      throw new NsError('NS_IPMI_BUSY', `${MOST_WAITING} commands wait for this BMC already`, {
        retryable: true,
      });
    }
    this.#waiting += 1;
    const { clock, within } = this.#options;
    const deadline = within === undefined ? undefined : clock.deadline(within, question.name);
    const until = deadline === undefined ? given : AbortSignal.any([given, deadline.signal]);
    const mine = this.#turn.then(() => this.#carry(question, until, target));
    this.#turn = mine.catch(() => undefined);
    try {
      return await mine;
    } catch (error) {
      if (given.aborted || deadline?.signal.aborted !== true) throw error;
      throw new NsError('NS_IPMI_SILENT', sentenceOf(error), { retryable: true, cause: error });
    } finally {
      deadline?.release();
      this.#waiting -= 1;
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
    this.#over.abort(new NsError('NS_IPMI_CLOSED', 'the IPMI client was closed'));
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
      // Whoever asked went away; the session is as good as before, and a late answer matches no later question.
      if (signal.aborted || error instanceof IpmiCompletion) throw error;
      await this.#drop();
      // A session that the BMC has forgotten is answered by silence: opened anew once, for what may be asked twice or was
      // not asked yet.
      const may = reused && (question.repeatable || !sent) && hasCode(error, 'NS_IPMI_SILENT');
      if (!may) throw error;
      const again = await this.#ready(question.level, signal);
      return await again.session.ask(question, signal, target);
    }
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
    throw first ?? new NsError('NS_IPMI_SUITE', 'no cipher suite is allowed', { family: 'caller' });
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
