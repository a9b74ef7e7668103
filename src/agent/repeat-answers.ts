import { seconds } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';
import { TokenBucket } from './token-bucket.ts';

/** Answers to authentic orders that were answered before or are refused. */
const RATE = { perSecond: 50, burst: 600 };
/** Answers that wait at once; each holds some hundred bytes. */
const WAITING_MAX = 1024;
/** Longer than any answer waits for the one before it. */
const LONGEST = seconds(1);

/** `late`: it waited, and what there was to say may have changed. */
type Answer = (late: boolean) => void;

/**
 * Whoever repeats authentic orders gets answers no faster than a rate. They wait aside: nothing that comes behind a
 * repeated order is held up by it. Of several answers about one thing that wait together the last one is given.
 */
export class RepeatAnswers {
  readonly #clock: Clock;
  readonly #stopped: AbortSignal;
  readonly #bucket = new TokenBucket(RATE);
  /** By what they are about, first come first. */
  readonly #waiting = new Map<string, Answer>();
  #giving = false;

  constructor(clock: Clock, stopped: AbortSignal) {
    this.#clock = clock;
    this.#stopped = stopped;
  }

  /**
   * Gives the answer, or lets it wait. False where too many wait: it is dropped, for nothing may hold up what comes behind. Whoever
   * asks again later gets it then.
   */
  give(about: string, answer: Answer): boolean {
    if (this.#waiting.size === 0 && this.#bucket.take(this.#clock.monotonic())) {
      answer(false);
      return true;
    }
    if (this.#waiting.size >= WAITING_MAX && !this.#waiting.has(about)) return false;
    this.#waiting.set(about, answer);
    if (!this.#giving) void this.#giveAll();
    return true;
  }

  async #giveAll(): Promise<void> {
    this.#giving = true;
    while (this.#waiting.size > 0 && !this.#stopped.aborted) {
      const wait = this.#bucket.reserve(this.#clock.monotonic(), LONGEST) ?? LONGEST;
      await this.#clock.sleep(wait, this.#stopped).catch(() => undefined);
      const [first] = this.#waiting;
      if (first === undefined || this.#stopped.aborted) break;
      const [about, answer] = first;
      this.#waiting.delete(about);
      answer(true);
    }
    this.#giving = false;
  }
}
