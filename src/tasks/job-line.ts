import { seconds } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';
import type { Job } from './job.ts';
import { stopReasons } from './stop.ts';

export interface JobLineOptions<E> {
  /** How many of those that take turns run at a time. */
  readonly maxRunning: number;
  readonly clock: Clock;
  /** Does a job, and says how that ended. Never rejects. */
  readonly run: (job: Job) => Promise<E>;
  /** When it is no longer among the running. */
  readonly over: (job: Job, end: E) => void;
}

/** What is told to stop at its deadline gives its disk back within this, with room for a slow board. */
const STOP_GRACE = seconds(300);

/** Jobs that take turns, and those that run; some wait for nobody. */
export class JobLine<E> {
  readonly #o: JobLineOptions<E>;
  readonly #queue: Job[] = [];
  readonly #running = new Map<Job, { readonly ended: Promise<void>; readonly since: number }>();
  #stopped = false;

  constructor(options: JobLineOptions<E>) {
    this.#o = options;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  running(): Iterable<Job> {
    return this.#running.keys();
  }

  /** False where the line has stopped: what is in the journal waits for the next start. */
  add(job: Job): boolean {
    if (this.#stopped) return false;
    this.#queue.push(job);
    this.#pump();
    return true;
  }

  /** At once, beside whatever runs. */
  launch(job: Job): void {
    job.row.state = 'running';
    const since = this.#o.clock.monotonic();
    const ended = this.#o.run(job).then((end) => {
      this.#running.delete(job);
      this.#o.over(job, end);
      if (!this.#stopped) this.#pump();
    });
    this.#running.set(job, { ended, since });
  }

  /** False where a task goes on long past its deadline: it was told to stop, and did not. */
  makesProgress(): boolean {
    const now = this.#o.clock.monotonic();
    return [...this.#running].every(([{ kind }, { since }]) => now - since < kind.deadline + STOP_GRACE);
  }

  /** Nothing begins any more, and all that runs is told to stop. */
  stop(): void {
    this.#stopped = true;
    for (const job of [...this.#queue, ...this.#running.keys()]) job.stopping.abort(stopReasons.shutdown());
    this.#queue.length = 0;
  }

  /** When all that ran has ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
  }

  #pump(): void {
    const running = [...this.#running.keys()].filter(({ kind }) => kind.pace === 'queued').length;
    for (let free = this.#o.maxRunning - running; free > 0 && this.#queue.length > 0; free -= 1) {
      const next = this.#queue.shift();
      if (next !== undefined) this.launch(next);
    }
  }
}
