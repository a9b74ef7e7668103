import { type Duration, toHex } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import type { TaskEvent } from '../tasks/index.ts';

export type ProgressBody = (TaskEvent & { kind: 'progress' })['body'];

/** More tasks than ever run at once; beyond it the task heard of longest ago loses its pace, not its progress. */
const MAX_TASKS = 64;

interface Paced {
  sentAt: Duration;
  latest?: ProgressBody;
}

/** Lets a task's progress pass at most once an interval; of what comes in between only the latest passes. */
export class ProgressPacer {
  readonly #clock: Clock;
  readonly #interval: Duration;
  readonly #pass: (body: ProgressBody) => void;
  readonly #tasks = new Map<string, Paced>();
  #stopTicking: Stop | undefined;

  constructor(clock: Clock, interval: Duration, pass: (body: ProgressBody) => void) {
    this.#clock = clock;
    this.#interval = interval;
    this.#pass = pass;
  }

  offer(body: ProgressBody): void {
    const key = toHex(body.id);
    const now = this.#clock.monotonic();
    const task = this.#tasks.get(key);
    if (task === undefined || now - task.sentAt >= this.#interval) {
      this.#tasks.delete(key);
      this.#tasks.set(key, { sentAt: now });
      this.#forgetOldest();
      this.#pass(body);
      return;
    }
    task.latest = body;
    this.#stopTicking ??= this.#clock.every(this.#interval, () => this.#tick());
  }

  /** The task has ended: what waits of it is not worth sending. */
  ended(id: Uint8Array): void {
    this.#tasks.delete(toHex(id));
  }

  stop(): void {
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    this.#tasks.clear();
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    let passed = 0;
    for (const task of this.#tasks.values()) {
      if (task.latest === undefined || now - task.sentAt < this.#interval) continue;
      const body = task.latest;
      delete task.latest;
      task.sentAt = now;
      passed += 1;
      this.#pass(body);
    }
    if (passed > 0 || [...this.#tasks.values()].some((task) => task.latest !== undefined)) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  #forgetOldest(): void {
    if (this.#tasks.size <= MAX_TASKS) return;
    const oldest = this.#tasks.keys().next();
    if (!oldest.done) this.#tasks.delete(oldest.value);
  }
}
