/** How Prometheus' text format 0.0.4 is written. */

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

const MAX_LABEL = 64;

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}

/**
 * A label's value as it is kept: short, and of printable ASCII. Labels come from closed lists; should one ever not, it
 * cannot break a line, and does not grow.
 */
export function labelValue(text: string): string {
  return text.slice(0, MAX_LABEL).replace(/[^\x20-\x7e]/g, '?');
}

/** `{verb="file.list",outcome="failed"}`, or nothing. */
export function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(labelValue(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}

export function headText(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): string {
  return `# HELP ${name} ${help.replace(/[\\\n]/g, ' ')}\n# TYPE ${name} ${type}\n`;
}

export function sampleText(name: string, labels: Labels, value: number): string {
  return `${name}${labelsText(labels)} ${numberText(value)}\n`;
}
