import { asNsError, type NsError } from '../../base/index.ts';
import { millis, type Scheduler } from '../time.ts';
import type { UnitMemory, UnitRecord } from './orders.ts';

const TRY_AGAIN = millis(1000);

/** Writes records one after the other, the newest always, and says when nothing newer is unwritten. */
export class RecordKeeper {
  readonly #memory: UnitMemory;
  readonly #scheduler: Scheduler;
  readonly #saved: () => void;
  readonly #trouble: (error: NsError) => void;
  #next: UnitRecord | undefined;
  #writing = false;
  #retry: (() => void) | undefined;

  constructor(
    memory: UnitMemory,
    scheduler: Scheduler,
    heard: { readonly saved: () => void; readonly trouble: (error: NsError) => void },
  ) {
    this.#memory = memory;
    this.#scheduler = scheduler;
    this.#saved = heard.saved;
    this.#trouble = heard.trouble;
  }

  /** A record that could not be written is tried again every second, until a newer one takes its place. */
  save(record: UnitRecord): void {
    this.#next = record;
    if (!this.#writing) void this.#write();
  }

  /** Forgets what is not being written: the power is gone. */
  drop(): void {
    this.#next = undefined;
    this.#retry?.();
    this.#retry = undefined;
  }

  async #write(): Promise<void> {
    this.#retry?.();
    this.#retry = undefined;
    this.#writing = true;
    for (let record = this.#next; record !== undefined; record = this.#next) {
      try {
        await this.#memory.save(record);
      } catch (error) {
        this.#trouble(asNsError(error));
        if (record === this.#next) {
          this.#retry = this.#scheduler.after(TRY_AGAIN, () => void this.#write());
          break;
        }
        continue;
      }
      if (record === this.#next) {
        this.#next = undefined;
        this.#saved();
      }
    }
    this.#writing = false;
  }
}
