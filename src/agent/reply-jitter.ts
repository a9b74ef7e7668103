import { type Duration, milliseconds, toHex } from '../base/index.ts';
import type { Clock, Entropy } from '../ports/index.ts';

/** Orders to a group that are under way at once on one device. */
const MAX_HELD = 256;

/**
 * A group's devices all hear an order at one instant; their answers must not come at one. Each answer to such an order
 * waits for the same random moment, so that their order stays.
 */
export class ReplyJitter {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #longest: Duration;
  readonly #moments = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(clock: Clock, entropy: Entropy, longest: Duration) {
    this.#clock = clock;
    this.#entropy = entropy;
    this.#longest = longest;
  }

  /** Answers to the order with this id wait from now on. */
  hold(id: Uint8Array): void {
    const key = toHex(id);
    if (this.#moments.has(key) || this.#moments.size >= MAX_HELD) return;
    const wait = milliseconds(this.#entropy.fraction() * this.#longest);
    // A stop lets the answers out at once.
    const moment = this.#clock.sleep(wait, this.#stopped.signal).catch(() => undefined);
    this.#moments.set(key, moment);
    void moment.then(() => this.#moments.delete(key));
  }

  /** The moment for answers to this order; undefined for now. */
  moment(id: Uint8Array): Promise<void> | undefined {
    return this.#moments.get(toHex(id));
  }

  stop(): void {
    this.#stopped.abort();
  }
}
