import t from 'tap';
import { explore, type Model } from '../../kit/explorer/explore.ts';

/** A counter that the world raises and that runs down by itself; faults are planted by the edges given. */
function counter(extra: Partial<Model<number>> = {}): Model<number> {
  return {
    initial: [0],
    steps: (n) => [
      ...(n < 5 ? [{ label: 'raise', internal: false, next: n + 1 }] : []),
      ...(n > 0 ? [{ label: 'fall', internal: true, next: n - 1 }] : []),
    ],
    encode: String,
    decode: Number,
    invariant: () => undefined,
    settled: (n) => (n === 0 ? undefined : `rests at ${n}`),
    ...extra,
  };
}

void t.test('a sound model is seen whole', async (t) => {
  t.same(explore(counter(), 1000), { states: 6, edges: 10, settled: 1, complete: true, fault: undefined });
});

void t.test('a forbidden state is found by the shortest way', async (t) => {
  const { fault } = explore(counter({ invariant: (n) => (n === 3 ? 'three' : undefined) }), 1000);
  t.same(fault, { is: 'invariant', says: 'three', trace: ['raise', 'raise', 'raise'] });
});

void t.test('a forbidden step is found', async (t) => {
  const edge: Model<number>['edge'] = (from, step) => (from === 2 && step.next === 1 ? 'no' : undefined);
  t.same(explore(counter({ edge }), 1000).fault?.trace, ['raise', 'raise', 'fall']);
});

void t.test('a wrong place to rest is found', async (t) => {
  const steps: Model<number>['steps'] = (n) => [
    ...(n < 5 ? [{ label: 'raise', internal: false, next: n + 1 }] : []),
    ...(n > 0 && n !== 4 ? [{ label: 'fall', internal: true, next: n - 1 }] : []),
  ];
  t.match(explore(counter({ steps }), 1000).fault, { is: 'settled', says: 'rests at 4' });
});

void t.test('going round by itself for ever is found, a round that needs the world is not', async (t) => {
  const steps: Model<number>['steps'] = (n) => [
    ...(n < 8 ? [{ label: 'raise', internal: false, next: n + 1 }] : []),
    ...(n > 0 && n < 6 ? [{ label: 'fall', internal: true, next: n - 1 }] : []),
    ...(n >= 6 ? [{ label: 'spin', internal: true, next: n === 8 ? 6 : n + 1 }] : []),
  ];
  const { fault, complete } = explore(counter({ steps }), 1000);
  t.equal(fault?.is, 'livelock');
  t.ok((fault?.trace.length ?? 0) >= 6);
  t.ok(complete);
});

void t.test('a bound on states ends it, and is told', async (t) => {
  const steps: Model<number>['steps'] = (n) => [{ label: 'raise', internal: true, next: n + 1 }];
  t.match(explore(counter({ steps }), 100), { complete: false, fault: undefined });
});
