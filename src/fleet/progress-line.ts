import { formatBytes, formatDuration, milliseconds } from '../base/index.ts';

/** Where one host stands. */
export interface HostProgress {
  readonly done: number;
  readonly total: number;
  /** What is counted; bytes where absent. */
  readonly unit?: string | undefined;
}

export const isBytes = ({ unit }: HostProgress): boolean => unit === undefined || unit === 'bytes';

/** Speed over the last seconds, so that a stall shows and a start does not spoil the estimate. */
export class RateMeter {
  readonly #span: number;
  readonly #points: { readonly at: number; readonly done: number }[] = [];

  constructor(spanMs = 5000) {
    this.#span = spanMs;
  }

  add(at: number, done: number): void {
    this.#points.push({ at, done });
    while (this.#points.length > 2 && this.#points[1]!.at <= at - this.#span) this.#points.shift();
  }

  /** Bytes a second; undefined before two points. */
  get rate(): number | undefined {
    const first = this.#points[0];
    const last = this.#points.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return undefined;
    return Math.max(0, ((last.done - first.done) * 1000) / (last.at - first.at));
  }
}

/** "[=====>    ]  52 %  33.1 MiB of 64.0 MiB  11.2 MiB/s  3 s left", cut to the width. */
export function progressLine(
  label: string,
  progress: HostProgress,
  rate: number | undefined,
  width: number,
): string {
  const { done, total, unit } = progress;
  const bytes = isBytes(progress);
  // Rounded down: 100 % is said only of what is whole.
  const percent = total === 0 ? 0 : Math.floor((done * 100) / total);
  const left = rate === undefined || rate <= 0 || done >= total ? undefined : (total - done) / rate;
  const facts = [
    `${String(percent).padStart(3)} %`,
    bytes ? `${formatBytes(done)} of ${formatBytes(total)}` : `${done} of ${total} ${unit}`,
    rate === undefined || !bytes ? undefined : `${formatBytes(Math.round(rate))}/s`,
    left === undefined ? undefined : `${formatDuration(milliseconds(Math.ceil(left) * 1000))} left`,
  ]
    .filter((fact) => fact !== undefined)
    .join('  ');
  const room = Math.min(30, width - label.length - facts.length - 6);
  const bar = room < 8 ? '' : `${barText(done, total, room)} `;
  return `${label} ${bar}${facts}`.slice(0, Math.max(0, width - 1));
}

function barText(done: number, total: number, room: number): string {
  const filled = total === 0 ? 0 : Math.floor((done / total) * room);
  const head = filled < room && filled > 0 ? '>' : '';
  return `[${'='.repeat(Math.max(0, filled - head.length))}${head}${' '.repeat(room - filled)}]`;
}
