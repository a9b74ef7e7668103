import { headText, type Labels, labelsText, labelValue, sampleText } from './metric-text.ts';

/** Series of one metric. What comes beyond is counted under "other", so that nothing can make a scrape grow. */
export const MAX_SERIES = 256;
const OTHER = 'other';

interface Series<V> {
  readonly labels: Labels;
  value: V;
}

/** The series of one metric, by their labels. */
class SeriesTable<V> {
  readonly #names: readonly string[];
  readonly #make: () => V;
  readonly #most: number;
  readonly #series = new Map<string, Series<V>>();

  constructor(names: readonly string[], make: () => V, most = MAX_SERIES) {
    this.#names = names;
    this.#make = make;
    this.#most = most;
    // A metric without labels is there from the start, so that its first change can be seen.
    if (names.length === 0) this.at({});
  }

  at(given: Labels): Series<V> {
    const labels = Object.fromEntries(this.#names.map((name) => [name, labelValue(given[name] ?? '')]));
    const key = labelsText(labels);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const full = this.#series.size >= this.#most - 1;
    if (full && this.#names.some((name) => labels[name] !== OTHER)) {
      return this.at(Object.fromEntries(this.#names.map((name) => [name, OTHER])));
    }
    const fresh = { labels, value: this.#make() };
    this.#series.set(key, fresh);
    return fresh;
  }

  clear(): void {
    this.#series.clear();
  }

  all(): IterableIterator<Series<V>> {
    return this.#series.values();
  }
}

export interface Metric {
  readonly name: string;
  /** As Prometheus reads it. */
  text(): string;
}

/** Only ever grows. */
export class Counter implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #series: SeriesTable<number>;

  constructor(name: string, help: string, labels: readonly string[] = []) {
    this.name = name;
    this.#help = help;
    this.#series = new SeriesTable(labels, () => 0);
  }

  add(labels: Labels = {}, by = 1): void {
    if (by >= 0) this.#series.at(labels).value += by;
  }

  /** Of what somebody else counts. */
  setTo(total: number, labels: Labels = {}): void {
    const series = this.#series.at(labels);
    series.value = Math.max(series.value, total);
  }

  text(): string {
    const samples = [...this.#series.all()].map(({ labels, value }) => sampleText(this.name, labels, value));
    return headText(this.name, 'counter', this.#help) + samples.join('');
  }
}

/** Goes up and down. */
export class Gauge implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #series: SeriesTable<number>;

  constructor(name: string, help: string, labels: readonly string[] = [], most?: number) {
    this.name = name;
    this.#help = help;
    this.#series = new SeriesTable(labels, () => 0, most);
  }

  set(value: number, labels: Labels = {}): void {
    this.#series.at(labels).value = value;
  }

  add(by: number, labels: Labels = {}): void {
    this.#series.at(labels).value += by;
  }

  /** One series for each state, of which one is 1. */
  setState(label: string, states: readonly string[], now: string, labels: Labels = {}): void {
    for (const state of states) this.set(state === now ? 1 : 0, { ...labels, [label]: state });
  }

  /** Before it is set anew, where series may go. */
  clear(): void {
    this.#series.clear();
  }

  text(): string {
    const samples = [...this.#series.all()].map(({ labels, value }) => sampleText(this.name, labels, value));
    return headText(this.name, 'gauge', this.#help) + samples.join('');
  }
}

interface Buckets {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** How values spread over buckets with these upper bounds. */
export class Histogram implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series: SeriesTable<Buckets>;

  constructor(name: string, help: string, bounds: readonly number[], labels: readonly string[] = []) {
    this.name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#series = new SeriesTable(labels, () => ({ counts: bounds.map(() => 0), sum: 0, count: 0 }));
  }

  observe(value: number, labels: Labels = {}): void {
    if (!Number.isFinite(value)) return;
    const { value: buckets } = this.#series.at(labels);
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) buckets.counts[bucket]! += 1;
    buckets.sum += value;
    buckets.count += 1;
  }

  text(): string {
    return (
      headText(this.name, 'histogram', this.#help) +
      [...this.#series.all()].map((one) => this.#one(one)).join('')
    );
  }

  #one({ labels, value: { counts, sum, count } }: Series<Buckets>): string {
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += counts[index]!;
      return sampleText(`${this.name}_bucket`, { ...labels, le: String(bound) }, below);
    });
    return [
      ...buckets,
      sampleText(`${this.name}_bucket`, { ...labels, le: '+Inf' }, count),
      sampleText(`${this.name}_sum`, labels, sum),
      sampleText(`${this.name}_count`, labels, count),
    ].join('');
  }
}

/** All metrics of a program, and what must be looked at for them at each scrape. */
export class Registry {
  readonly #metrics = new Map<string, Metric>();
  readonly #looks: (() => void | Promise<void>)[] = [];

  add<M extends Metric>(metric: M): M {
    if (this.#metrics.has(metric.name)) throw new RangeError(`there are two metrics ${metric.name}`);
    this.#metrics.set(metric.name, metric);
    return metric;
  }

  counter(name: string, help: string, labels?: readonly string[]): Counter {
    return this.add(new Counter(name, help, labels));
  }

  /** `most`: series, where they may be more than usual. */
  gauge(name: string, help: string, labels?: readonly string[], most?: number): Gauge {
    return this.add(new Gauge(name, help, labels, most));
  }

  histogram(name: string, help: string, bounds: readonly number[], labels?: readonly string[]): Histogram {
    return this.add(new Histogram(name, help, bounds, labels));
  }

  /** Called before each scrape. What it throws leaves its metrics as they were. */
  onScrape(look: () => void | Promise<void>): void {
    this.#looks.push(look);
  }

  /** Looks, and writes all metrics. Never rejects; how long it takes is for each look to bound. */
  async scrape(): Promise<string> {
    await Promise.allSettled(this.#looks.map(async (look) => look()));
    return [...this.#metrics.values()].map((metric) => metric.text()).join('');
  }
}
