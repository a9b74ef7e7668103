import fc from 'fast-check';
import t from 'tap';
import {
  basisPoints,
  intersectSpans,
  mergeSpans,
  type Span,
  sizeOf,
  subtractSpans,
} from '../../../../src/tasks/memory-check/spans.ts';

const spans = fc.array(fc.record({ start: fc.nat(60), length: fc.nat(20) }), { maxLength: 8 });
const points = (list: readonly Span[]) => {
  const set = new Set<number>();
  for (const { start, length } of list) for (let i = 0; i < length; i += 1) set.add(start + i);
  return set;
};
const sorted = (set: Iterable<number>) => [...set].sort((a, b) => a - b);

await t.test('spans are sets of points', async (t) => {
  fc.assert(
    fc.property(spans, spans, (a, b) => {
      const [pa, pb] = [points(a), points(b)];
      t.same(sorted(points(mergeSpans(a))), sorted(pa));
      t.equal(sizeOf(mergeSpans(a)), pa.size);
      t.same(sorted(points(intersectSpans(a, b))), sorted([...pa].filter((p) => pb.has(p))));
      t.same(sorted(points(subtractSpans(a, b))), sorted([...pa].filter((p) => !pb.has(p))));
    }),
  );
});

await t.test('a hundred percent is said only of all', async (t) => {
  t.equal(basisPoints(1, 3), 3333);
  t.equal(basisPoints(999_999_999, 1_000_000_000), 9999);
  t.equal(basisPoints(5, 5), 10_000);
  t.equal(basisPoints(0, 0), 0);
});
