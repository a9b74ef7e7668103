import { asNsError, type Duration, milliseconds, NsError, Waiters } from '../../base/index.ts';
import type { Clock, LogSink, Stop } from '../../ports/index.ts';
import type { QmpEvent } from './qmp-messages.ts';
import { type QmpArguments, QmpSession } from './qmp-session.ts';

/**
 * Whether there is a QEMU: `up` answers, `gone` is certain (nobody listens at its monitor's path), `mute` has it but does
 * not answer us, so that nothing is known.
 */
export type QmpLinkState = 'up' | 'gone' | 'mute';

export interface QmpOptions {
  /** Of the monitor's unix socket: `-qmp unix:PATH,server=on,wait=off`, ours alone. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: LogSink;
  /** For one answer; 2 s by default. */
  readonly patience?: Duration;
  /** Between two tries while there is none; 100 ms by default. */
  readonly retry?: Duration;
}

const PATIENCE = milliseconds(2000);
const RETRY = milliseconds(100);

/** QEMU's monitor, over restarts of QEMU: a session whenever there is one to be had. */
export class Qmp {
  readonly #options: QmpOptions;
  readonly #over = new AbortController();
  readonly #onEvent = new Set<(event: QmpEvent) => void>();
  readonly #onState = new Set<(state: QmpLinkState) => void>();
  #state: QmpLinkState = 'mute';
  #session: QmpSession | undefined;
  #ended: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(options: QmpOptions) {
    this.#options = options;
  }

  get state(): QmpLinkState {
    return this.#state;
  }

  /** Resolves when the first try has shown whether there is a QEMU. */
  async start(): Promise<void> {
    await this.#try();
    this.#running ??= this.#keep();
  }

  /** Whether there is a QEMU; where that is not known just now, as soon as it is, or still "mute" after this long. */
  async known(limit: Duration): Promise<QmpLinkState> {
    if (this.#state !== 'mute' || this.#over.signal.aborted) return this.#state;
    const enough = this.#options.clock.deadline(limit, 'looking for QEMU');
    const known = new Waiters();
    const stop = this.onState(() => known.look());
    const until = AbortSignal.any([enough.signal, this.#over.signal]);
    await known.wait(until, () => this.#state !== 'mute').catch(() => undefined);
    stop();
    enough.release();
    return this.#state;
  }

  /**
   * NS_QMP_GONE where there is no QEMU, NS_QMP where it does not answer us; NS_QMP_REFUSED with its reason, NS_DEADLINE.
   * Whether a command without an answer was carried out is not known.
   */
  async execute(command: string, args: QmpArguments = {}, signal?: AbortSignal): Promise<unknown> {
    const session = this.#session;
    if (session !== undefined) return session.execute(command, args, signal);
    const code = this.#state === 'gone' ? 'NS_QMP_GONE' : 'NS_QMP';
    const sentence = this.#state === 'gone' ? 'there is no QEMU' : 'QEMU does not answer';
    throw new NsError(code, sentence, { retryable: true });
  }

  /** In the order in which QEMU tells them; of the time without a session none are known. */
  onEvent(listener: (event: QmpEvent) => void): Stop {
    this.#onEvent.add(listener);
    return () => this.#onEvent.delete(listener);
  }

  onState(listener: (state: QmpLinkState) => void): Stop {
    this.#onState.add(listener);
    return () => this.#onState.delete(listener);
  }

  async close(): Promise<void> {
    this.#over.abort(new NsError('NS_QMP', 'closed'));
    this.#session?.close();
    this.#ended?.();
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { clock, retry = RETRY } = this.#options;
    while (!this.#over.signal.aborted) {
      if (this.#session !== undefined) {
        await new Promise<void>((resolve) => {
          this.#ended = resolve;
          if (this.#session === undefined) resolve();
        });
        // At once: what is found now tells a QEMU that ended from a connection that was lost.
      } else await clock.sleep(retry, this.#over.signal).catch(() => undefined);
      if (!this.#over.signal.aborted) await this.#try();
    }
  }

  async #try(): Promise<void> {
    const { path, clock, patience = PATIENCE, log } = this.#options;
    try {
      const session = await QmpSession.open({
        path,
        clock,
        patience,
        onEvent: (event) => {
          for (const listener of [...this.#onEvent]) listener(event);
        },
        onEnd: (why) => {
          log.log('info', 'qmp.ended', { path, why: why.sentence });
          this.#session = undefined;
          this.#become('mute');
          this.#ended?.();
        },
      });
      if (this.#over.signal.aborted) {
        session.close();
        return;
      }
      this.#session = session;
      log.log('info', 'qmp.connected', { path });
      this.#become('up');
    } catch (error) {
      const failure = asNsError(error, 'NS_QMP');
      if (failure.code !== 'NS_QMP_GONE' && this.#state !== 'mute') {
        log.log('warn', 'qmp.mute', { path, why: failure.sentence });
      }
      this.#become(failure.code === 'NS_QMP_GONE' ? 'gone' : 'mute');
    }
  }

  #become(state: QmpLinkState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#onState]) listener(state);
  }
}
