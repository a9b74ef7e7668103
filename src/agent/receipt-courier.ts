import { asNsError, hasCode, seconds, toHex } from '../base/index.ts';
import type { Clock, LogSink, MessageBus } from '../ports/index.ts';
import type { TaskDesk } from '../tasks/index.ts';

export interface CourierParts {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly desk: TaskDesk;
  /** Where events are published. */
  readonly topic: string;
}

/** The bus had no room: the next try comes this much later. */
const FULL_PAUSE = seconds(1);
/** Beyond this many, receipts wait for the next start or for somebody who sends their order again. */
const WAITING_MAX = 4096;

interface Parcel {
  readonly id: Uint8Array;
  readonly packet: Uint8Array;
}

/**
 * Brings receipts to the broker that did not get there at once: those of an earlier run that was cut off, and those
 * that found no room on the bus. One at a time, so that a long list neither fills the bus nor goes before what is new.
 */
export class ReceiptCourier {
  readonly #parts: CourierParts;
  readonly #waiting: Parcel[] = [];
  readonly #stopped = new AbortController();
  #busy = false;

  constructor(parts: CourierParts) {
    this.#parts = parts;
  }

  start(): void {
    for (const parcel of this.#parts.desk.untold()) this.bring(parcel.id, parcel.packet);
  }

  bring(id: Uint8Array, packet: Uint8Array): void {
    if (this.#stopped.signal.aborted || this.#waiting.length >= WAITING_MAX) return;
    this.#waiting.push({ id, packet });
    if (!this.#busy) void this.#go();
  }

  stop(): void {
    this.#stopped.abort('stopped');
    this.#waiting.length = 0;
  }

  async #go(): Promise<void> {
    const { bus, clock, desk, log, topic } = this.#parts;
    this.#busy = true;
    for (let parcel = this.#waiting.shift(); parcel !== undefined; parcel = this.#waiting.shift()) {
      try {
        await bus.publish(topic, parcel.packet);
        desk.told(parcel.id);
      } catch (error) {
        if (hasCode(error, 'NS_BUS_FULL')) {
          if (!this.#stopped.signal.aborted) this.#waiting.unshift(parcel);
          await clock.sleep(FULL_PAUSE, this.#stopped.signal).catch(() => undefined);
        } else if (!this.#stopped.signal.aborted) {
          log.log('warn', 'receipt-not-sent', {
            order: toHex(parcel.id),
            code: asNsError(error).code,
          });
        }
      }
    }
    this.#busy = false;
  }
}
