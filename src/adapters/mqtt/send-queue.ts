import { NsError } from '../../base/index.ts';

export interface Outgoing {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** Worthless later: given up when the connection goes. */
  readonly transient: boolean;
}

export interface SendLimits {
  /** Messages waiting or under way, and their bytes. */
  readonly messages: number;
  readonly bytes: number;
  /** Messages under way to the broker, and their bytes. */
  readonly window: number;
  readonly windowBytes: number;
}

interface Entry extends Outgoing {
  resolve(): void;
  reject(error: Error): void;
}

/** Takes one message to the broker; resolves when the broker has it. */
export type Carry = (message: Outgoing) => Promise<void>;

const SIZE_OVERHEAD = 64;
const sizeOf = (message: Outgoing): number =>
  message.payload.byteLength + message.topic.length + SIZE_OVERHEAD;

/**
 * What waits for the broker, bounded in number and in bytes. Lasting messages go before transient ones and are sent
 * again after a broken connection; transient ones may fill half of the room, so that bulk never keeps a receipt out.
 */
export class SendQueue {
  readonly #limits: SendLimits;
  readonly #lasting: Entry[] = [];
  readonly #transient: Entry[] = [];
  readonly #underWay = new Set<Entry>();
  readonly #onDrained = new Set<() => void>();
  #bytes = 0;
  #windowBytes = 0;
  #carry: Carry | undefined;
  #window: number;
  /** Counts connections, so that a late answer on an old one settles nothing. */
  #connection = 0;

  constructor(limits: SendLimits) {
    this.#limits = limits;
    this.#window = limits.window;
  }

  get size(): number {
    return this.#lasting.length + this.#transient.length + this.#underWay.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(message: Outgoing): Promise<void> {
    if (message.transient && this.#carry === undefined) {
      return Promise.reject(busDown('there is no connection to the broker'));
    }
    const share = message.transient ? 0.5 : 1;
    const size = sizeOf(message);
    if (this.size >= this.#limits.messages * share || this.#bytes + size > this.#limits.bytes * share) {
      return Promise.reject(
        new NsError('NS_BUS_FULL', `${this.size} messages wait for the broker already`, { retryable: true }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#bytes += size;
      (message.transient ? this.#transient : this.#lasting).push({ ...message, resolve, reject });
      this.#pump();
    });
  }

  /** A connection is there. `window` is what the broker allows under way at once. */
  open(carry: Carry, window: number): void {
    this.#carry = carry;
    this.#window = Math.max(1, Math.min(this.#limits.window, window));
    this.#pump();
  }

  /** The connection is gone: lasting messages wait in their order for the next one. */
  pause(): void {
    this.#carry = undefined;
    this.#connection += 1;
    this.#lasting.unshift(...[...this.#underWay].filter((entry) => !entry.transient));
    const lost = [...this.#underWay].filter((entry) => entry.transient).concat(this.#transient.splice(0));
    this.#underWay.clear();
    this.#windowBytes = 0;
    for (const entry of lost) this.#settle(entry, busDown('the connection to the broker broke'));
    this.#tellDrained();
  }

  /** Gives up everything. */
  close(): void {
    this.pause();
    for (const entry of this.#lasting.splice(0)) this.#settle(entry, busDown('the bus was closed'));
  }

  /** Resolves when nothing lasting waits or is under way, when the connection goes, or when the signal aborts. */
  drained(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#isDrained()) return resolve();
      this.#onDrained.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #isDrained(): boolean {
    if (this.#carry === undefined) return true;
    return this.#lasting.length === 0 && ![...this.#underWay].some((entry) => !entry.transient);
  }

  #tellDrained(): void {
    if (this.#onDrained.size === 0 || !this.#isDrained()) return;
    for (const resolve of this.#onDrained) resolve();
    this.#onDrained.clear();
  }

  #pump(): void {
    while (
      this.#carry !== undefined &&
      this.#underWay.size < this.#window &&
      (this.#windowBytes < this.#limits.windowBytes || this.#underWay.size === 0)
    ) {
      const entry = this.#lasting.shift() ?? this.#transient.shift();
      if (entry === undefined) return;
      this.#underWay.add(entry);
      this.#windowBytes += sizeOf(entry);
      const connection = this.#connection;
      this.#carry(entry).then(
        () => this.#carried(entry, connection, undefined),
        (error: Error) => this.#carried(entry, connection, error),
      );
    }
  }

  #carried(entry: Entry, connection: number, error: Error | undefined): void {
    if (connection !== this.#connection || !this.#underWay.delete(entry)) return;
    this.#windowBytes -= sizeOf(entry);
    this.#settle(entry, error);
    this.#pump();
  }

  #settle(entry: Entry, error: Error | undefined): void {
    this.#bytes -= sizeOf(entry);
    if (error === undefined) entry.resolve();
    else entry.reject(error);
    this.#tellDrained();
  }
}

export function busDown(sentence: string): NsError {
  return new NsError('NS_BUS_DOWN', sentence, { retryable: true });
}
