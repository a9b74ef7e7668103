import { type Duration, hasCode, milliseconds, minutes, NsError, seconds } from '../../base/index.ts';
import type { Clock, Stop } from '../../ports/index.ts';
import { type Carrier, runCommand } from '../command.ts';
import { type ActivatedSol, deactivatePayload } from '../commands/index.ts';
import type { IpmiSession } from '../session/session.ts';
import { PAYLOAD } from '../wire/packet.ts';
import { ConsoleOwner } from './console-owner.ts';
import type { SolFault, SolTerms } from './endpoint.ts';
import { SolLink } from './link.ts';
import { MOST_CHARACTERS, SOL_HEADER, SOL_OPERATION, SOL_STATUS } from './packet.ts';

/** How a console ended. Codes: NS_IPMI_SOL_DEACTIVATED, NS_IPMI_SOL_SILENT, NS_IPMI_SOL_STALLED. */
export type SolEnd = { readonly is: 'closed' } | { readonly is: 'lost'; readonly error: NsError };

/** What a BMC said with its last packet. */
export interface SolStatus {
  /** False where the host takes and gives no characters now. */
  readonly hostAvailable: boolean;
  /** Characters of the host were lost since the packet before. */
  readonly overrun: boolean;
  readonly breakSeen: boolean;
}

/** The host's serial console, over a BMC. */
export interface SolConsole {
  /** False where as much waits already as may, or it is over: nothing was taken. With nothing waiting, any length is taken. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when write takes bytes again, or it is over; rejects with the signal's reason. */
  room(signal: AbortSignal): Promise<void>;
  /** Resolves when the BMC has taken all that was written, or it is over; rejects with the signal's reason. */
  drained(signal: AbortSignal): Promise<void>;
  /** What came before the first listener waits for it, as far as there is room; then the BMC is told to wait. */
  onData(listener: (bytes: Uint8Array) => void): Stop;
  /** At each change. */
  onStatus(listener: (status: SolStatus) => void): Stop;
  /** Called once, at once where it is over already. */
  onEnd(listener: (end: SolEnd) => void): Stop;
  /** The BMC keeps what the host says, until resume: for a terminal that is slow. */
  pause(): void;
  resume(): void;
  /** In its place among the characters written; false as with write. */
  sendBreak(): boolean;
  /** Gives the console back to the BMC. Never fails, and ends within some seconds. */
  close(): Promise<void>;
}

export interface SolTimes {
  /** Asks the BMC for a word when it has said nothing for so long. */
  readonly keepAlive: Duration;
  /** Nothing at all from the BMC for so long ends the console. */
  readonly silence: Duration;
}

export interface OpenSolParts {
  readonly session: IpmiSession;
  readonly carrier: Carrier;
  readonly clock: Clock;
  readonly times: SolTimes;
}

const EARLY = 4096;
const QUEUE = 4096;
const TIMES = {
  first: milliseconds(250),
  longest: seconds(2),
  total: seconds(15),
  breath: milliseconds(50),
  stall: minutes(5),
};
const FAULTS: Readonly<Record<SolFault, readonly [`NS_${string}`, string]>> = {
  silent: ['NS_IPMI_SOL_SILENT', 'the BMC acknowledges nothing that is typed'],
  stalled: ['NS_IPMI_SOL_STALLED', 'the host takes nothing that is typed'],
};
/** Between two questions that both failed at once. */
const PAUSE = seconds(1);
const GIVE_BACK = seconds(3);

/** A console that the BMC has granted; see openSol. It hears from its making on, before the grant has arrived. */
export class GrantedConsole implements SolConsole {
  readonly #parts: OpenSolParts;
  readonly #owner: ConsoleOwner;
  readonly #over = new AbortController();
  readonly #data = new Set<(bytes: Uint8Array) => void>();
  readonly #statuses = new Set<(status: SolStatus) => void>();
  readonly #ends = new Set<(end: SolEnd) => void>();
  readonly #stops: Stop[] = [];
  #early: Uint8Array[] = [];
  #earlySize = 0;
  #paused = false;
  #status = 0;
  #link: SolLink | undefined;
  #end: SolEnd | undefined;
  #watching: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: OpenSolParts) {
    this.#parts = parts;
    this.#owner = new ConsoleOwner(parts.carrier);
    // Before the grant there is no answer: the BMC says it again.
    this.#stops.push(parts.session.onPayload(PAYLOAD.sol, (payload) => this.#link?.hear(payload)));
  }

  begin(granted: ActivatedSol): void {
    const { session, clock } = this.#parts;
    const most = Math.max(1, Math.min(MOST_CHARACTERS, granted.mostToBmc - SOL_HEADER));
    const terms: SolTerms = { ...TIMES, most, queue: QUEUE };
    this.#link = new SolLink({
      terms,
      clock,
      send: (payload) => session.send(PAYLOAD.sol, payload),
      holds: (flags) => (flags & SOL_STATUS.unavailable) !== 0,
      room: () => this.#room(),
      deliver: (characters) => this.#deliver(characters),
      onFlags: (flags) => this.#hearStatus(flags),
      onFault: (fault) => this.#lose(new NsError(...FAULTS[fault])),
    });
    this.#watching = this.#watch().catch(() => undefined);
  }

  write(bytes: Uint8Array): boolean {
    return this.#link?.write(bytes) ?? false;
  }

  async room(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#link?.room(signal);
  }

  async drained(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#link?.drained(signal);
  }

  onData(listener: (bytes: Uint8Array) => void): Stop {
    this.#data.add(listener);
    const early = this.#early;
    this.#early = [];
    this.#earlySize = 0;
    for (const bytes of early) listener(bytes);
    return () => this.#data.delete(listener);
  }

  onStatus(listener: (status: SolStatus) => void): Stop {
    this.#statuses.add(listener);
    return () => this.#statuses.delete(listener);
  }

  onEnd(listener: (end: SolEnd) => void): Stop {
    if (this.#end !== undefined) {
      listener(this.#end);
      return () => undefined;
    }
    this.#ends.add(listener);
    return () => this.#ends.delete(listener);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#link?.stand(SOL_OPERATION.pause);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#link?.stand(0);
  }

  sendBreak(): boolean {
    return this.#link?.signal(SOL_OPERATION.sendBreak) ?? false;
  }

  close(): Promise<void> {
    this.#finish({ is: 'closed' });
    return this.#closing ?? Promise.resolve();
  }

  #room(): number {
    if (this.#paused) return 0;
    return this.#data.size > 0 ? Number.POSITIVE_INFINITY : EARLY - this.#earlySize;
  }

  #deliver(characters: Uint8Array): void {
    if (this.#data.size === 0) {
      this.#early.push(characters.slice());
      this.#earlySize += characters.byteLength;
    }
    for (const listener of [...this.#data]) listener(characters);
  }

  #hearStatus(flags: number): void {
    if ((flags & SOL_STATUS.deactivating) !== 0) {
      this.#lose(taken());
      return;
    }
    const told = flags & (SOL_STATUS.unavailable | SOL_STATUS.overrun | SOL_STATUS.breakSeen);
    if (told === this.#status && (told & ~SOL_STATUS.unavailable) === 0) return;
    this.#status = told;
    const status = {
      hostAvailable: (told & SOL_STATUS.unavailable) === 0,
      overrun: (told & SOL_STATUS.overrun) !== 0,
      breakSeen: (told & SOL_STATUS.breakSeen) !== 0,
    };
    for (const listener of [...this.#statuses]) listener(status);
  }

  /**
   * Asks whose the console is, when the BMC has said nothing for a while: it may be gone, or have given the console to
   * somebody else without a word.
   */
  async #watch(): Promise<void> {
    const { session, clock, times } = this.#parts;
    const { signal } = this.#over;
    await this.#owner.ask(signal);
    while (!signal.aborted) {
      const wait = Math.min(times.keepAlive, times.silence) - session.idle;
      if (wait > 0) {
        await clock.sleep(milliseconds(wait), signal);
        continue;
      }
      const left = milliseconds(Math.max(1, times.silence - session.idle));
      const deadline = clock.deadline(left, 'a word of the BMC');
      const answer = await this.#owner.ask(AbortSignal.any([signal, deadline.signal]));
      deadline.release();
      if (session.idle >= times.silence) this.#lose(gone('nothing is heard from the BMC any more'));
      else if (answer === 'taken') this.#lose(taken());
      else if (answer === 'silent') await clock.sleep(milliseconds(Math.min(PAUSE, left)), signal);
    }
  }

  #lose(error: NsError): void {
    this.#finish({ is: 'lost', error });
  }

  #finish(end: SolEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#over.abort(new NsError('NS_IPMI_CLOSED', 'the console was closed'));
    this.#link?.stop();
    for (const stop of this.#stops) stop();
    this.#closing = this.#giveBack(end);
    for (const listener of [...this.#ends]) listener(end);
    this.#ends.clear();
  }

  async #giveBack(end: SolEnd): Promise<void> {
    const { session, carrier, clock } = this.#parts;
    await this.#watching;
    if (end.is === 'lost' && hasCode(end.error, 'NS_IPMI_SOL_SILENT')) return session.abandon();
    const deadline = clock.deadline(GIVE_BACK, 'giving the console back');
    const { signal } = deadline;
    // A console that somebody else has by now is not to be taken from them.
    if (end.is === 'closed' && (await this.#owner.ask(signal)) !== 'taken')
      await runCommand(carrier, deactivatePayload, {}, signal).catch(() => undefined);
    await session.close(signal);
    deadline.release();
  }
}

const taken = (): NsError =>
  new NsError(
    'NS_IPMI_SOL_DEACTIVATED',
    'the BMC has ended the console: somebody else took it, or closed it',
    {
      family: 'peer',
      retryable: true,
    },
  );
const gone = (sentence: string): NsError => new NsError('NS_IPMI_SOL_SILENT', sentence, { retryable: true });
