import t from 'tap';
import { LOCK_EDGES, type LockEdge, NEW_LOCK } from '../../src/bmc/lock-machine.ts';
import { explore } from '../kit/explorer/explore.ts';
import { lockModel, stepsOf } from '../kit/lock-model.ts';

const LIMIT = 500_000;

await t.test('no way around the lock, no order without an end: every state', async (t) => {
  const { states, edges, settled, complete, fault } = explore(lockModel(), LIMIT);
  t.same(fault, undefined);
  t.ok(complete);
  t.comment(`figure: the lock: ${states} states, ${edges} edges, ${settled} at rest`);
});

await t.test(
  'from every state its owner gets the machine back, and every edge is taken somewhere',
  async (t) => {
    const model = lockModel();
    const own = new Set(LOCK_EDGES.filter(({ by }) => by !== 'world').map(({ on }) => on));
    const taken = new Set<string>();
    const before = new Map<string, string[]>();
    const seen = new Set(model.initial.map((state) => model.encode(state)));
    const good = new Set<string>();
    for (const key of seen) {
      const state = model.decode(key);
      if (state.phase === 'resting' && state.believed === 'enabled' && state.held.length === 0) good.add(key);
      for (const { label, next } of stepsOf(state)) {
        const to = model.encode(next);
        seen.add(to);
        taken.add(label);
        if (!own.has(label)) continue;
        const known = before.get(to);
        if (known) known.push(key);
        else before.set(to, [key]);
      }
    }
    for (const at of good) for (const from of before.get(at) ?? []) good.add(from);
    t.same([...seen].filter((key) => !good.has(key)).slice(0, 3), []);
    t.comment(`figure: ${seen.size} states, each with a way back for its owner`);

    const nothing = ['clock set back', 'order without right'];
    for (const { on, to } of LOCK_EDGES) {
      if (nothing.includes(on)) t.equal(to(NEW_LOCK), NEW_LOCK, `${on} changes nothing`);
      else if (!taken.has(on)) t.fail(`${on} is taken nowhere`);
    }
  },
);

const changed = (on: string, change: (edge: LockEdge) => LockEdge | undefined): LockEdge[] =>
  LOCK_EDGES.flatMap((edge) => (edge.on === on ? (change(edge) ?? []) : edge));

const FAULTS: readonly [string, LockEdge[]][] = [
  ['nobody looks again at what has slipped', changed('hold again', () => undefined)],
  ['a drive that does not come home is left where it is', changed('release again', () => undefined)],
  ['a host that comes on is left on', changed('switch the host off', () => undefined)],
  [
    'the first copy alone makes it free',
    changed('read', (edge) => ({
      ...edge,
      to: (s) =>
        s.a === 'enabled' ? { ...s, phase: 'resting', target: 'enabled', believed: 'enabled' } : edge.to(s),
    })),
  ],
  [
    'a damaged record counts as none',
    changed('read', (edge) => ({
      ...edge,
      to: (s) =>
        s.a === 'damaged' && s.b === 'damaged'
          ? { ...s, phase: 'resting', target: 'enabled', believed: 'enabled' }
          : edge.to(s),
    })),
  ],
  [
    'the order is answered before its second copy',
    changed('store a', (edge) => ({
      ...edge,
      to: (s) => ({ ...edge.to(s), phase: 'resting', believed: s.target }),
    })),
  ],
  [
    'a start does not bring the levels to the record',
    changed('read', (edge) => ({
      ...edge,
      to: (s) => {
        const next = edge.to(s);
        return next.phase === 'applying'
          ? { ...next, phase: 'resting', todo: [], believed: 'enabled' }
          : next;
      },
    })),
  ],
  [
    'what fails is tried for ever at once',
    LOCK_EDGES.map((edge) => (edge.on === 'disk fails' ? { ...edge, to: (s) => s } : edge)),
  ],
  [
    'an order without right is obeyed',
    changed('order without right', (edge) => ({
      ...edge,
      from: ['resting'],
      to: (s) => ({ ...s, believed: 'enabled', target: 'enabled' }),
    })),
  ],
  ['a cut in the middle of an enable is never made good', changed('store b', () => undefined)],
];

for (const [name, edges] of FAULTS) {
  await t.test(`a planted fault is found: ${name}`, async (t) => {
    const { fault } = explore(lockModel(edges), LIMIT);
    t.ok(fault);
    t.comment(
      `figure: ${name}: ${fault?.is} (${fault?.says.slice(0, 60)}), after ${fault?.trace.length} steps`,
    );
  });
}
