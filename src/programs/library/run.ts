import { BoundedQueue, NsError } from '../../base/index.ts';
import { forEachHost, type OrderEvent, type Turnstile } from '../../fleet/index.ts';
import { type HostOutcome, NotAllSucceeded, type Succeeded } from './outcome.ts';

/** What is said of one host on the way. */
export type Progress<R = unknown> =
  /** There is a place for it; its order is on its way. */
  | { readonly host: string; readonly is: 'begun' }
  /** What the device says: that it has the order, how far it is, that a file is ready, that the order waits. */
  | { readonly host: string; readonly is: 'event'; readonly event: OrderEvent }
  /** How much is done, of how much: bytes of a transfer, or what else the task counts. */
  | {
      readonly host: string;
      readonly is: 'moved';
      readonly done: number;
      readonly total: number;
      readonly unit: string;
    }
  | { readonly host: string; readonly is: 'ended'; readonly outcome: HostOutcome<R> };

/** How many hosts are at what. */
export interface RunCounts {
  readonly waiting: number;
  readonly working: number;
  readonly ended: Readonly<Record<HostOutcome['is'], number>>;
}

/** What an order to one host tells of itself. */
export interface Tell {
  readonly onEvent: (event: OrderEvent) => void;
  readonly onProgress: (moved: {
    readonly done: number;
    readonly total: number;
    readonly unit?: string | undefined;
  }) => void;
}

export type HostWork<R> = (host: string, tell: Tell) => Promise<HostOutcome<R>>;

/** For a reader that lags behind: the oldest are dropped first. */
const NOTES_KEPT = 1024;

/**
 * Orders to hosts, under way from the moment it is made: so many hosts at a time, the others in their order. Await it for
 * the outcomes of all hosts in the order in which they were named; iterate over it for each as it comes. Both reject with the
 * signal's reason where it was aborted, and then `ended` has those that were there in time.
 */
export class Run<R> implements PromiseLike<readonly HostOutcome<R>[]>, AsyncIterable<HostOutcome<R>> {
  readonly hosts: readonly string[];
  readonly #ended: HostOutcome<R>[] = [];
  readonly #readers = new Set<BoundedQueue<Progress<R>>>();
  readonly #all: Promise<readonly HostOutcome<R>[]>;
  #over = false;
  #working = 0;
  #wake: () => void = () => undefined;
  #news: Promise<void> = Promise.resolve();

  constructor(
    hosts: readonly string[],
    work: HostWork<R>,
    places: { readonly turnstile: Turnstile; readonly atOnce: number },
    signal: AbortSignal,
  ) {
    this.hosts = hosts;
    this.#renew();
    const one = (host: string): Promise<HostOutcome<R>> =>
      places.turnstile.pass(() => this.#one(host, work), signal);
    this.#all = forEachHost(hosts, one, places.atOnce).finally(() => {
      this.#over = true;
      this.#renew();
    });
    // Whoever only iterates must not meet an unhandled rejection.
    this.#all.catch(() => undefined);
  }

  /** The outcomes that are there already, in the order in which they came. */
  get ended(): readonly HostOutcome<R>[] {
    return [...this.#ended];
  }

  get counts(): RunCounts {
    const ended = { succeeded: 0, refused: 0, failed: 0, unreachable: 0, unknown: 0, staged: 0 };
    for (const { is } of this.#ended) ended[is] += 1;
    const waiting = this.hosts.length - this.#ended.length - this.#working;
    return { waiting, working: this.#working, ended };
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise of all outcomes, and an iterator of each.
  then<A = readonly HostOutcome<R>[], B = never>(
    done?: ((outcomes: readonly HostOutcome<R>[]) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#all.then(done, failed);
  }

  /** The outcomes of all hosts where all succeeded; NotAllSucceeded has them where not. */
  async succeeded(): Promise<readonly Succeeded<R>[]> {
    const outcomes = await this.#all;
    const good = outcomes.filter((outcome): outcome is Succeeded<R> => outcome.is === 'succeeded');
    if (good.length < outcomes.length) throw new NotAllSucceeded(outcomes);
    return good;
  }

  /** The outcome of the one host that was named. NS_USAGE where there were more. */
  async only(): Promise<HostOutcome<R>> {
    const [outcome, ...more] = await this.#all;
    if (outcome !== undefined && more.length === 0) return outcome;
    throw new NsError('NS_USAGE', `${this.hosts.length} hosts were asked, not one`, { family: 'caller' });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<HostOutcome<R>, void, undefined> {
    for (let at = 0; ; ) {
      const outcome = this.#ended[at];
      if (outcome !== undefined) {
        at += 1;
        yield outcome;
      } else if (this.#over) {
        await this.#all;
        return;
      } else await this.#news;
    }
  }

  /** What is said on the way, from now on. A reader that lags behind misses the oldest; outcomes are never missed above. */
  progress(): AsyncGenerator<Progress<R>, void, undefined> {
    const queue = new BoundedQueue<Progress<R>>(NOTES_KEPT);
    this.#readers.add(queue);
    return this.#read(queue);
  }

  async *#read(queue: BoundedQueue<Progress<R>>): AsyncGenerator<Progress<R>, void, undefined> {
    try {
      for (;;) {
        const note = queue.shift();
        if (note !== undefined) yield note;
        else if (this.#over) return;
        else await this.#news;
      }
    } finally {
      this.#readers.delete(queue);
    }
  }

  async #one(host: string, work: HostWork<R>): Promise<HostOutcome<R>> {
    this.#working += 1;
    try {
      this.#say({ host, is: 'begun' });
      const outcome = await work(host, {
        onEvent: (event) => this.#say({ host, is: 'event', event }),
        onProgress: ({ done, total, unit = 'bytes' }) => this.#say({ host, is: 'moved', done, total, unit }),
      });
      this.#working -= 1;
      this.#ended.push(outcome);
      this.#say({ host, is: 'ended', outcome });
      return outcome;
    } catch (error) {
      this.#working -= 1;
      throw error;
    }
  }

  #say(note: Progress<R>): void {
    for (const queue of this.#readers) queue.pushDroppingOldest(note);
    this.#renew();
  }

  /** Whoever waits for news is woken, and the next wait is for the next. */
  #renew(): void {
    this.#wake();
    this.#news = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
