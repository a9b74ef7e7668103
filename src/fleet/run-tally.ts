import { type Duration, formatBytes, formatDuration, milliseconds } from '../base/index.ts';
import { counted } from '../show/index.ts';
import { type HostProgress, isBytes, RateMeter } from './progress-line.ts';

/** How a host's part of a run ended, for counting. */
export type TallyEnd = 'done' | 'refused' | 'failed' | 'unreachable' | 'not sent';

const ENDS: readonly TallyEnd[] = ['done', 'refused', 'failed', 'unreachable', 'not sent'];
/** A host at work for less than this is not worth a name. */
const SLOW_MS = 3000;

interface AtWork {
  readonly since: Duration;
  moved: HostProgress | undefined;
}

/**
 * Where a run over many hosts stands: how many are at what, who takes longest, how fast bytes move. Each note costs the same,
 * however many hosts there are.
 */
export class RunTally {
  readonly hosts: number;
  readonly #began: Duration;
  readonly #ended = new Map<TallyEnd, number>();
  /** In the order in which they began: the first is at work for longest. */
  readonly #working = new Map<string, AtWork>();
  readonly #meter = new RateMeter();
  #done = 0;
  /** Of what is under way: `total` is what is known of it. */
  #sum = { done: 0, total: 0 };
  #untold = 0;
  #endedCount = 0;
  #slowest: { readonly host: string; readonly ms: number } | undefined;

  constructor(hosts: number, now: Duration) {
    this.hosts = hosts;
    this.#began = now;
  }

  begin(host: string, now: Duration): void {
    this.#working.set(host, { since: now, moved: undefined });
    this.#untold += 1;
  }

  /** Bytes of one host, so far; other units do not add up over hosts. */
  moved(host: string, progress: HostProgress, now: Duration): void {
    const at = this.#working.get(host);
    if (at === undefined || !isBytes(progress)) return;
    if (at.moved === undefined) this.#untold -= 1;
    const { done: before, total: known } = at.moved ?? { done: 0, total: 0 };
    this.#sum = {
      done: this.#sum.done + progress.done - before,
      total: this.#sum.total + progress.total - known,
    };
    this.#done += Math.max(0, progress.done - before);
    at.moved = progress;
    this.#meter.add(now, this.#done);
  }

  end(host: string, how: TallyEnd, now: Duration): void {
    const at = this.#working.get(host);
    if (at === undefined) return;
    this.#working.delete(host);
    if (at.moved === undefined) this.#untold -= 1;
    else {
      const { done, total } = at.moved;
      this.#sum = { done: this.#sum.done - done, total: this.#sum.total - total };
    }
    this.#ended.set(how, (this.#ended.get(how) ?? 0) + 1);
    this.#endedCount += 1;
    const ms = now - at.since;
    if (how !== 'unreachable' && ms > (this.#slowest?.ms ?? 0)) this.#slowest = { host, ms };
  }

  get waiting(): number {
    return this.hosts - this.#endedCount - this.#working.size;
  }

  /** "137 of 300 hosts: 120 done, 8 refused, 9 unreachable; 32 at work, 131 waiting". */
  #counts(): string {
    const ends = ENDS.flatMap((how) => {
      const count = this.#ended.get(how) ?? 0;
      return count === 0 ? [] : [`${count} ${how}`];
    });
    const on = [
      ...(this.#working.size === 0 ? [] : [`${this.#working.size} at work`]),
      ...(this.waiting === 0 ? [] : [`${this.waiting} waiting`]),
    ];
    const parts = [ends.join(', '), on.join(', ')].filter((part) => part !== '');
    const head = `${this.#endedCount} of ${counted(this.hosts, 'host')}`;
    return parts.length === 0 ? head : `${head}: ${parts.join('; ')}`;
  }

  /** Who is at work for longest. */
  #laggard(now: Duration): string[] {
    const [first] = this.#working;
    if (first === undefined || now - first[1].since < SLOW_MS) return [];
    return [`${first[0]} for ${seconds(now - first[1].since)}`];
  }

  /**
   * Bytes and speed. How long it will still take is said only where all that is left is known: no host waits, and each at work
   * has said how much it is.
   */
  #bytes(): string[] {
    const { done, total } = this.#sum;
    const { rate } = this.#meter;
    if (total === 0) return [];
    const speed = rate === undefined ? [] : [`${formatBytes(Math.round(rate))}/s`];
    const known = this.waiting === 0 && this.#untold === 0 && rate !== undefined && rate > 0 && done < total;
    const left = known ? [`${seconds(((total - done) / rate) * 1000)} left`] : [];
    return [`${formatBytes(done)} of ${formatBytes(total)} under way`, ...speed, ...left];
  }

  /** One line of it, cut to the width. */
  line(now: Duration, width = Number.POSITIVE_INFINITY): string {
    const text = [this.#counts(), ...this.#laggard(now), ...this.#bytes()].join('; ');
    return text.slice(0, Math.max(0, width - 1));
  }

  /** What it came to: how many, how long, and who took longest of those that answered. */
  sum(now: Duration): string {
    const took = `in ${seconds(now - this.#began)}`;
    const slowest = this.#slowest;
    const who =
      slowest === undefined || slowest.ms < SLOW_MS
        ? []
        : [`slowest ${slowest.host}, ${seconds(slowest.ms)}`];
    return [`${this.#counts()}, ${took}`, ...who].join('; ');
  }
}

const seconds = (ms: number): string => formatDuration(milliseconds(Math.ceil(ms / 1000) * 1000));
