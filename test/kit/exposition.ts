/** A sample of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  /** Types by the names of metrics. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
  /** The value of the sample with these labels among its own; undefined where there is none. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || value === undefined || name in labels) throw new Error(`labels: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  return labels;
}

/** Of a histogram's sample: the metric that it is of. */
function familyOf(name: string, types: ReadonlyMap<string, string>): string {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return types.get(base) === 'histogram' ? base : name;
}

/** Reads Prometheus' text format, version 0.0.4, and throws at whatever a careful reader would not take. */
export function readExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const seen = new Set<string>();
  const samples: Sample[] = [];
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, about, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') helps.add(about!);
    else if (kind === 'TYPE') {
      if (types.has(about!) || !helps.has(about!)) throw new Error(`twice, or without help: ${line}`);
      types.set(about!, rest!);
    } else {
      const [, name, labels = '', number] = SAMPLE.exec(line) ?? [];
      const value = Number(number?.replace(/^([+-])Inf$/, '$1Infinity'));
      if (name === undefined || (Number.isNaN(value) && number !== 'NaN'))
        throw new Error(`no sample: ${line}`);
      if (!types.has(familyOf(name, types))) throw new Error(`of no metric: ${line}`);
      if (seen.has(`${name}{${labels}}`)) throw new Error(`twice: ${line}`);
      seen.add(`${name}{${labels}}`);
      samples.push({ name, labels: labelsOf(labels, line), value });
    }
  }
  return {
    types,
    samples,
    value: (name, labels = {}) =>
      samples.find(
        (one) =>
          one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
      )?.value,
  };
}
