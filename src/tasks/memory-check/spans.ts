/** From start up to start + length, in bytes, sectors or slots. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/** Ascending, without overlaps or empty ones. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: { start: number; length: number }[] = [];
  for (const { start, length } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (length <= 0) continue;
    if (last && start <= last.start + last.length) {
      last.length = Math.max(last.length, start + length - last.start);
    } else merged.push({ start, length });
  }
  return merged;
}

/** What lies in both. */
export function intersectSpans(a: readonly Span[], b: readonly Span[]): Span[] {
  const both: Span[] = [];
  for (const one of a) {
    for (const other of b) {
      const start = Math.max(one.start, other.start);
      const end = Math.min(one.start + one.length, other.start + other.length);
      if (start < end) both.push({ start, length: end - start });
    }
  }
  return mergeSpans(both);
}

/** What lies in the first and not in the second. */
export function subtractSpans(from: readonly Span[], what: readonly Span[]): Span[] {
  const left: Span[] = [];
  const holes = mergeSpans(what);
  for (const { start, length } of mergeSpans(from)) {
    let at = start;
    for (const hole of holes) {
      if (hole.start + hole.length <= at || hole.start >= start + length) continue;
      if (hole.start > at) left.push({ start: at, length: hole.start - at });
      at = Math.max(at, hole.start + hole.length);
    }
    if (at < start + length) left.push({ start: at, length: start + length - at });
  }
  return left;
}

export const sizeOf = (spans: readonly Span[]): number => spans.reduce((sum, span) => sum + span.length, 0);

/** Hundredths of a percent, rounded down: 10000 only where nothing is missing. */
export function basisPoints(covered: number, all: number): number {
  if (all <= 0) return 0;
  return covered >= all ? 10_000 : Math.min(9999, Math.floor((covered / all) * 10_000));
}
