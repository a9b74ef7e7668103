import { type Duration, milliseconds } from '../base/index.ts';
import type { Clock, Entropy, Stop } from '../ports/index.ts';

export interface TricklePace {
  readonly shortest: Duration;
  readonly longest: Duration;
}

export interface TrickleHands {
  /** An interval begins. */
  began(): void;
  /** Its moment has come. True where there is more to say: then comes another moment soon. */
  speak(): boolean;
}

/**
 * When to speak among many who know the same (RFC 6206): once in an interval, at a random moment of its second half, so
 * that whoever comes first lets the others be silent. Each interval is twice as long as the one before, up to the longest,
 * and the shortest again where there is news.
 */
export class Trickle {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #pace: TricklePace;
  readonly #hands: TrickleHands;
  #interval: Duration;
  #stop: Stop | undefined;

  constructor(clock: Clock, entropy: Entropy, pace: TricklePace, hands: TrickleHands) {
    this.#clock = clock;
    this.#entropy = entropy;
    this.#pace = pace;
    this.#hands = hands;
    this.#interval = pace.shortest;
  }

  /** Begins with an interval of this length, whatever was under way. */
  begin(interval: Duration): void {
    this.#stop?.();
    this.#interval = interval;
    this.#hands.began();
    const half = interval / 2;
    const before = half + this.#entropy.fraction() * half;
    this.#after(before, () => this.#speak(milliseconds(interval - before)));
  }

  /** There is news: where the interval is not the shortest already, the shortest begins. Does nothing while stopped. */
  hurry(): void {
    if (this.#stop !== undefined && this.#interval > this.#pace.shortest) this.begin(this.#pace.shortest);
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #speak(left: Duration): void {
    if (this.#hands.speak()) {
      const soon = this.#pace.shortest * (1 + this.#entropy.fraction());
      this.#after(soon, () => this.#speak(left));
      return;
    }
    const next = milliseconds(Math.min(this.#interval * 2, this.#pace.longest));
    this.#after(left, () => this.begin(next));
  }

  #after(wait: number, then: () => void): void {
    this.#stop = this.#clock.after(milliseconds(wait), then);
  }
}
