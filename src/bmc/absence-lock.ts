import { asNsError, type Duration, minutes } from '../base/index.ts';
import type { Clock, LogSink, StateStore, Stop } from '../ports/index.ts';
import { type AbsenceEvent, type AbsenceRecord, type AbsenceStep, stepAbsence } from './absence.ts';
import { decodeAbsence, encodeAbsence, judgeAbsence } from './absence-record.ts';
import type { Lockout } from './lockout.ts';

export const ABSENCE_DOCUMENTS = ['absence-a', 'absence-b'] as const;

/** What becomes of the absence lock, for whoever writes it down. */
export type AbsenceNews =
  | { readonly is: 'warning'; readonly percent: number }
  /** Kept: its time is over, and nobody could release it. */
  | { readonly is: 'heard' | 'lapsed' | 'kept' | 'damaged' };

export interface AbsenceLockOptions {
  readonly store: Pick<StateStore, 'readDocument' | 'writeDocument'>;
  readonly lockout: Pick<Lockout, 'status' | 'disable'>;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Of running time without a sign of an owner. */
  readonly limit: Duration;
  /** Stands in the lock's record. */
  readonly reason: string;
  /** Whether anybody could enable the machine again: what nobody can undo is not done. */
  readonly releasable: () => boolean;
  readonly onNews: (news: AbsenceNews) => void;
}

/** What the power going loses of the count; each step is two writes to own storage. */
const COUNT_EVERY = minutes(15);

/**
 * Disables a machine whose owner has been silent for long, where the configuration asks for it. Only the device's own running
 * time is counted, by no wall clock; time without power does not count. Whoever enables the machine begins anew.
 */
export class AbsenceLock {
  readonly #options: AbsenceLockOptions;
  #record: AbsenceRecord = { ran: 0, warned: 0, lock: 0 };
  #n = 0;
  #since: number;
  #kept = false;
  #stop: Stop | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: AbsenceLockOptions) {
    this.#options = options;
    this.#since = options.clock.monotonic();
  }

  /** How far it has come, as counted last. */
  get record(): AbsenceRecord {
    return this.#record;
  }

  /** Takes up the count where it was; the lock's record must be in force by now. */
  async start(): Promise<void> {
    const { store, clock, lockout, onNews } = this.#options;
    const [a, b] = await Promise.all(
      ABSENCE_DOCUMENTS.map(async (name) => decodeAbsence(await store.readDocument(name))),
    );
    const stored = judgeAbsence(a!, b!);
    if (stored.is === 'damaged') onNews({ is: 'damaged' });
    if (stored.is === 'whole') {
      const { n, ...record } = stored.record;
      this.#n = n;
      this.#record = record;
    } else {
      this.#record = { ran: 0, warned: 0, lock: (await lockout.status()).version };
    }
    this.#since = clock.monotonic();
    this.#stop = clock.every(COUNT_EVERY, () => void this.count());
    await this.count();
  }

  /** Somebody gave an order that cannot have been given earlier. */
  heard(): Promise<void> {
    this.#since = this.#options.clock.monotonic();
    return this.#inTurn(() => this.#take({ is: 'heard' }));
  }

  /** Adds what the device has run since the last time. */
  count(): Promise<void> {
    return this.#inTurn(async () => {
      const { state, version } = await this.#options.lockout.status();
      const now = this.#options.clock.monotonic();
      const ms = now - this.#since;
      this.#since = now;
      await this.#take({ is: 'ran', ms, lock: { state, version } });
    });
  }

  async stop(): Promise<void> {
    this.#stop?.();
    await this.count();
  }

  async #take(event: AbsenceEvent): Promise<void> {
    const { record, steps } = stepAbsence(this.#record, event, this.#options.limit);
    this.#record = record;
    for (const step of steps) await this.#carryOut(step);
  }

  async #carryOut(step: AbsenceStep): Promise<void> {
    const { lockout, onNews, reason, releasable } = this.#options;
    switch (step.do) {
      case 'store':
        return this.#store();
      case 'warn':
        onNews({ is: 'warning', percent: step.percent });
        return;
      case 'tell-heard':
        onNews({ is: 'heard' });
        return;
      case 'disable':
        if (!releasable()) {
          // Asked again with each count, and said once.
          if (!this.#kept) onNews({ is: 'kept' });
          this.#kept = true;
          return;
        }
        await lockout.disable({ reason });
        onNews({ is: 'lapsed' });
        return;
    }
  }

  async #store(): Promise<void> {
    this.#n += 1;
    const bytes = encodeAbsence({ ...this.#record, n: this.#n });
    for (const name of ABSENCE_DOCUMENTS) await this.#options.store.writeDocument(name, bytes);
  }

  /** What fails (own storage, a board that does not answer) is told, and counted on from memory. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work).catch((error: unknown) => {
      this.#options.log.log('error', 'absence.failed', { error: asNsError(error).message });
    });
    return this.#last;
  }
}
