import { systemClock } from '../../adapters/system-clock.ts';
import { type Duration, milliseconds, seconds } from '../../base/index.ts';
import {
  EXIT,
  type ExitCode,
  type HostProgress,
  progressLine,
  RateMeter,
  RunTally,
  type TallyEnd,
} from '../../fleet/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';

/** What is said while a command works: on a terminal a line that is drawn over itself, in a log lines one below the other. */
export type ProgressForm = 'auto' | 'log' | 'none';

const REDRAW: Duration = seconds(1);
const LEAST_APART: Duration = milliseconds(100);
/** A log gets no more than a line in this time, and none where nothing has changed. */
const LOG_APART: Duration = seconds(1);
/** Of fewer hosts each is seen in the answers. */
const MANY = 20;

const HOW: Readonly<Partial<Record<ExitCode, TallyEnd>>> = {
  [EXIT.done]: 'done',
  [EXIT.refused]: 'refused',
  [EXIT.failed]: 'failed',
  [EXIT.unreachable]: 'unreachable',
};

/** Tells what all hosts together are at, on the stream that no answers go to. */
export class Progress {
  readonly #context: Context;
  readonly #tally: RunTally;
  readonly #meter = new RateMeter();
  readonly #only: string | undefined;
  readonly #form: 'line' | 'log' | 'none';
  readonly #stop: () => void;
  #one: HostProgress = { done: 0, total: 0 };
  #last = Number.NEGATIVE_INFINITY;
  #said = '';

  constructor(context: Context, hosts: readonly string[]) {
    this.#context = context;
    this.#tally = new RunTally(hosts.length, systemClock.monotonic());
    this.#only = hosts.length === 1 ? hosts[0] : undefined;
    const { progress, json, terminal } = context;
    if (progress === 'log') this.#form = 'log';
    else this.#form = progress === 'auto' && !json && terminal.interactive ? 'line' : 'none';
    const tick = (): void => this.#say(this.#form === 'log' ? LOG_APART : LEAST_APART);
    this.#stop = this.#form === 'none' ? () => undefined : systemClock.every(REDRAW, tick);
  }

  begun(host: string): void {
    this.#tally.begin(host, systemClock.monotonic());
  }

  moved(host: string, progress: HostProgress): void {
    const now = systemClock.monotonic();
    this.#one = progress;
    if (this.#only === undefined) this.#tally.moved(host, progress, now);
    else this.#meter.add(now, progress.done);
    if (this.#form === 'line') this.#say(LEAST_APART);
  }

  ended(host: string, code: ExitCode): void {
    this.#tally.end(host, HOW[code] ?? 'not sent', systemClock.monotonic());
    if (this.#form === 'line') this.#say(LEAST_APART);
  }

  /** Nothing is drawn any more; of many hosts it is said what it came to. */
  close(): void {
    this.#stop();
    const { terminal } = this.#context;
    terminal.status('');
    if (this.#form === 'none' || this.#tally.hosts < MANY) return;
    terminal.warn(`nightshift: ${clean(this.#tally.sum(systemClock.monotonic()))}`);
  }

  #text(now: Duration, width: number): string {
    if (this.#only === undefined) return this.#tally.line(now, width);
    return this.#one.total === 0 ? '' : progressLine(this.#only, this.#one, this.#meter.rate, width);
  }

  #say(apart: Duration): void {
    const now = systemClock.monotonic();
    if (now - this.#last < apart) return;
    const { terminal } = this.#context;
    const text = clean(this.#text(now, this.#form === 'log' ? 200 : terminal.width));
    if (text === '' || text === this.#said) return;
    this.#last = now;
    this.#said = text;
    if (this.#form === 'log') terminal.warn(text);
    else terminal.status(text);
  }
}
