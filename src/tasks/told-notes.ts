import { asNsError, seconds } from '../base/index.ts';
import type { Clock, LogSink } from '../ports/index.ts';
import type { Journal } from './journal/index.ts';

/** How long it may stay unwritten that the broker has a receipt: one write serves all that come together. */
const PAUSE = seconds(2);

/** Keeps in the journal which receipts the broker has, with few writes: losing a note costs only a copy of a receipt. */
export class ToldNotes {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #log: LogSink;
  readonly #stopped = new AbortController();
  #keeping: Promise<void> | undefined;

  constructor(journal: Journal, clock: Clock, log: LogSink) {
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
  }

  note(id: Uint8Array): void {
    if (this.#stopped.signal.aborted) return;
    this.#journal.noteTold(id);
    this.#keeping ??= this.#clock
      .sleep(PAUSE, this.#stopped.signal)
      .catch(() => undefined)
      .then(() => this.#keep())
      .finally(() => {
        this.#keeping = undefined;
      });
  }

  /** Writes what is noted; nothing is noted after. */
  async stop(): Promise<void> {
    this.#stopped.abort('stopped');
    await this.#keeping;
    await this.#keep();
  }

  async #keep(): Promise<void> {
    try {
      await this.#journal.keepTold();
    } catch (error) {
      this.#log.log('error', 'journal-failed', { error: asNsError(error).message });
    }
  }
}
