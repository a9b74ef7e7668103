import fc from 'fast-check';
import t from 'tap';
import { LOCK_LEVELS, type LockLevel } from '../../../src/bmc/lock-levels.ts';
import { type LockState, lockEdges, NEW_LOCK } from '../../../src/bmc/lock-machine.ts';
import { LockRig } from '../../kit/lock-rig.ts';

/** "lapse": nobody's order, but the absence lock's. */
type What = 'disable' | 'enable' | 'lapse';

type Doing =
  | { readonly do: 'start' | 'kill' | 'cut' | 'look' | 'wake' | 'sleep' }
  | { readonly do: 'order'; readonly what: What; readonly cut: 1 | 2 | undefined }
  | { readonly do: 'damage'; readonly copy: 'a' | 'b' }
  | { readonly do: 'slip' | 'break' | 'mend'; readonly level: LockLevel };

/** The model takes this edge; it must lead on from here. */
function take(state: LockState, on: string): LockState {
  const edge = lockEdges(state).find((one) => one.on === on);
  if (!edge) throw new Error(`the model does not take "${on}" while ${state.phase}`);
  return edge.to(state);
}

/** The model by itself; looking again is the keeper's, and comes when it comes. */
function rest(state: LockState, alsoAgain = false): LockState {
  for (;;) {
    const edge = lockEdges(state).find(
      ({ by, on }) => by === 'machine' && (alsoAgain || !on.endsWith(' again')),
    );
    if (!edge) return state;
    state = edge.to(state);
  }
}

/** One thing that happens to both; where it cannot happen now, nothing does. */
async function both(rig: LockRig, state: LockState, doing: Doing): Promise<LockState> {
  const running = state.phase !== 'off';
  switch (doing.do) {
    case 'start':
      if (running) return state;
      await rig.start();
      return rest(take(state, 'start'));
    case 'kill':
      if (!running) return state;
      rig.kill();
      return take(state, 'agent killed');
    case 'cut':
      if (!running) return state;
      await rig.cutPower();
      return take(state, 'power cut');
    case 'look':
      if (!running) return state;
      await rig.look();
      return rest(state, true);
    case 'wake':
      rig.host.set('S0', 'a stranger');
      await rig.rest();
      return rest(take(state, 'host is woken'));
    case 'sleep':
      rig.host.set('S5', 'shut down');
      return take(state, 'host goes down');
    case 'order':
      return running ? order(rig, state, doing.what, doing.cut) : state;
    case 'damage':
      await rig.damage(doing.copy);
      return take(state, `copy ${doing.copy} damaged`);
    case 'slip':
      await rig.slip(doing.level);
      return state.held.includes(doing.level) ? take(state, `${doing.level} slips`) : state;
    case 'break':
    case 'mend': {
      const is = doing.do === 'break';
      if (state.broken.includes(doing.level) === is) return state;
      rig.setBroken(doing.level, is);
      return take(state, `${doing.level} ${is ? 'breaks' : 'is mended'}`);
    }
  }
}

async function order(rig: LockRig, state: LockState, wish: What, cut: 1 | 2 | undefined) {
  if (wish === 'lapse' && state.believed === 'disabled') return state;
  const what = wish === 'lapse' ? 'disable' : wish;
  let next = take(state, wish === 'lapse' ? 'absence lapses' : `order ${wish}`);
  if (cut === undefined || next.phase !== 'storing') {
    await rig.order(what);
    return rest(next);
  }
  await rig.order(what, cut).catch(() => undefined);
  await rig.cutPower();
  for (let stored = 1; stored < cut; stored += 1) next = take(next, 'store a');
  return take(next, 'power cut');
}

const level = fc.constantFrom(...LOCK_LEVELS);
const doing: fc.Arbitrary<Doing> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Doing>({ do: 'start' }, { do: 'look' }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('order' as const),
      what: fc.constantFrom('disable' as const, 'enable' as const, 'enable' as const, 'lapse' as const),
      cut: fc.constantFrom(undefined, undefined, 1 as const, 2 as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Doing>({ do: 'kill' }, { do: 'cut' }, { do: 'wake' }, { do: 'sleep' }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('damage' as const),
      copy: fc.constantFrom('a' as const, 'b' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('slip' as const, 'break' as const, 'mend' as const), level }),
  },
);

await t.test('the real lock goes where its machine goes, and the drives with it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(doing, { minLength: 5, maxLength: 40 }), async (history) => {
      const rig = new LockRig();
      let state = NEW_LOCK;
      for (const one of [{ do: 'start' } as const, ...history]) {
        state = await both(rig, state, one);
        const { a, b, believed, held, hostRuns } = state;
        const real = await rig.state();
        const model = { a, b, believed, held, hostRuns };
        if (JSON.stringify(real) !== JSON.stringify(model))
          throw new Error(
            `after ${JSON.stringify(one)}: real ${JSON.stringify(real)}, model ${JSON.stringify(model)}`,
          );
        // Looked after, a drive's own lock follows the record; of a running host it is left as it is.
        if (
          one.do === 'look' &&
          state.phase === 'resting' &&
          !hostRuns &&
          rig.armed !== (believed === 'disabled')
        )
          throw new Error(`after a look: ${believed}, and the drive is ${rig.armed ? '' : 'not '}armed`);
      }
      rig.kill();
    }),
    { numRuns: 300 },
  );
});
