/** One measured figure: ours and the peer's, taken in turn in the same run. */
export interface Figure {
  readonly bench: string;
  /** Names the peer and the size: "debugfs 1GiB", "p50". */
  readonly figure: string;
  readonly ours: number;
  readonly peer: number;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))]!;
}

const json = process.argv.includes('--json');

/** Prints a figure: one JSON object a line with --json, a sentence otherwise. */
export function report(figure: Figure): void {
  const ratio = Number((figure.ours / figure.peer).toFixed(3));
  const round = (n: number) => Number(n.toPrecision(5));
  const row = { ...figure, ours: round(figure.ours), peer: round(figure.peer), ratio };
  const line = json
    ? JSON.stringify({
        bench: row.bench,
        figure: row.figure,
        ours: row.ours,
        peer: row.peer,
        ratio,
        unit: row.unit,
        better: row.better,
      })
    : `${row.bench}: ${row.figure}: ours ${row.ours} ${row.unit}, peer ${row.peer} ${row.unit}, ratio ${ratio} (${row.better} is better)`;
  process.stdout.write(`${line}\n`);
}

/** For people only: left out with --json. */
export function note(text: string): void {
  if (!json) process.stdout.write(`# ${text}\n`);
}
