import { humanLog } from '../../adapters/log.ts';
import type { Clock, LogLevel, LogSink } from '../../ports/index.ts';
import { timeText } from '../../show/index.ts';

type Fields = Readonly<Record<string, string | number | boolean>>;

const MOST_LINES = 500;
const LONGEST = 400;

/** Passes the log on, and keeps its last lines, as they are written: without what looks like a secret. */
export class RecentLog implements LogSink {
  readonly #next: LogSink;
  readonly #kept: LogSink;
  #lines: string[] = [];

  constructor(next: LogSink, clock: Pick<Clock, 'wallSeconds'>) {
    this.#next = next;
    this.#kept = humanLog({
      write: (text) => {
        const day = timeText(clock.wallSeconds()).slice(0, 10);
        this.#lines.push(`${day} ${text.trimEnd().slice(0, LONGEST)}`);
        // Not at each line: to drop the first of many moves all others.
        if (this.#lines.length > 2 * MOST_LINES) this.#lines = this.#lines.slice(-MOST_LINES);
      },
    });
  }

  log(level: LogLevel, event: string, fields?: Fields): void {
    this.#kept.log(level, event, fields);
    this.#next.log(level, event, fields);
  }

  /** The newest last; at most so many. */
  last(count: number): readonly string[] {
    return this.#lines.slice(-Math.min(count, MOST_LINES));
  }
}
