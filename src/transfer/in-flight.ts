import type { Duration } from '../base/index.ts';

interface Ask {
  /** Counts asks up, so that an arrival tells which asks were passed over. */
  readonly turn: number;
  readonly at: number;
  /** True where the chunk was asked for before: its arrival then measures nothing. */
  readonly again: boolean;
}

/** The chunks that were asked for and have not come, and when each is to be given up. */
export class InFlight {
  readonly #asks = new Map<number, Ask>();
  /** Lost chunks that are to be asked for again. */
  readonly #lost = new Set<number>();
  #turn = 0;
  #latestArrived = -1;
  #lastArrival: number;

  constructor(now: number) {
    this.#lastArrival = now;
  }

  get size(): number {
    return this.#asks.size;
  }

  has(index: number): boolean {
    return this.#asks.has(index);
  }

  asked(index: number, now: number): void {
    const again = this.#lost.delete(index);
    if (this.#asks.size === 0) this.#lastArrival = now;
    this.#asks.set(index, { turn: this.#turn, at: now, again });
    this.#turn += 1;
  }

  /** How long the chunk took, as far as that can be told; undefined where it was not asked for. */
  arrived(index: number, now: number): { readonly wait: number | undefined } | undefined {
    const ask = this.#asks.get(index);
    if (ask === undefined) {
      // An answer to an ask that was given up: the chunk was late, not lost.
      if (!this.#lost.delete(index)) return undefined;
      this.#lastArrival = now;
      return { wait: undefined };
    }
    this.#asks.delete(index);
    this.#lastArrival = now;
    this.#latestArrived = Math.max(this.#latestArrived, ask.turn);
    return { wait: ask.again ? undefined : now - ask.at };
  }

  /** As `arrived`, for all chunks from `first` to `end`, the last not included, that one answer is about. */
  arrivedAll(first: number, end: number, now: number): { readonly wait: number | undefined } | undefined {
    let any: { readonly wait: number | undefined } | undefined;
    for (const index of [...this.#asks.keys(), ...this.#lost]) {
      if (index < first || index >= end) continue;
      const arrival = this.arrived(index, now);
      any ??= arrival;
    }
    return any;
  }

  /** Lowest first. */
  nextLost(): number | undefined {
    let lowest: number | undefined;
    for (const index of this.#lost) if (lowest === undefined || index < lowest) lowest = index;
    return lowest;
  }

  /**
   * Gives up what is older than the time-out, where something asked for later came meanwhile or nothing comes at all:
   * on a slow link a chunk is late because others are before it.
   */
  expire(now: number, timeout: Duration): 'none' | 'some' | 'silence' {
    const silence = this.#asks.size > 0 && now - this.#lastArrival >= timeout;
    let expired = false;
    for (const [index, ask] of this.#asks) {
      if (now - ask.at < timeout) continue;
      if (!silence && ask.turn > this.#latestArrived) continue;
      this.#asks.delete(index);
      this.#lost.add(index);
      expired = true;
    }
    if (silence && expired) return 'silence';
    return expired ? 'some' : 'none';
  }

  /** Milliseconds until expire can find something; Infinity where nothing is under way. */
  untilExpiry(now: number, timeout: Duration): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const ask of this.#asks.values()) {
      const passedOver = ask.turn < this.#latestArrived;
      const due = passedOver ? ask.at : Math.max(ask.at, this.#lastArrival);
      earliest = Math.min(earliest, due + timeout - now);
    }
    return Math.max(0, earliest);
  }
}
