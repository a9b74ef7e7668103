import fc from 'fast-check';
import t from 'tap';
import {
  ahead,
  ended,
  entered,
  NOTHING_WAITS,
  next,
  parked,
  powerSeen,
  SETTLE,
  taken,
  timePassed,
  volumeKnown,
  type Waiting,
} from '../../../../src/tasks/staged/waiting-machine.ts';

const HOUR = 3_600_000;

const order = (key: string, volume?: string, limit = 24 * HOUR) => ({
  key,
  volume,
  waited: 0,
  limit,
  is: 'busy' as const,
});

const waiting = (...orders: readonly ReturnType<typeof order>[]): Waiting =>
  orders.reduce((state, each) => parked(entered(state, each), each.key, 'refused', 0), NOTHING_WAITS);

await t.test('nothing is tried while the host is on, nor before it has settled', async (t) => {
  const on = waiting(order('a'));
  t.match(next(on, 12 * HOUR), { do: 'rest' });
  const down = powerSeen(on, true, 12 * HOUR);
  t.strictSame(next(down, 12 * HOUR), { do: 'rest', until: 12 * HOUR + SETTLE });
  t.strictSame(next(down, 12 * HOUR + SETTLE), { do: 'try', key: 'a' });
  const bounced = powerSeen(powerSeen(down, false, 12 * HOUR + 1), true, 12 * HOUR + 2);
  t.match(next(bounced, 12 * HOUR + SETTLE), { do: 'rest' }, 'it settles anew');
});

await t.test(
  'while signatures are not clean the pauses grow, up to an hour, and begin anew with the power',
  async (t) => {
    let state = powerSeen(waiting(order('a', 'v', Number.MAX_SAFE_INTEGER)), true, 0);
    let now = SETTLE as number;
    const pauses: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      state = parked(taken(state, 'a', 'try'), 'a', 'refused', now);
      const rest = next(state, now);
      if (rest.do !== 'rest' || rest.until === undefined) return t.fail(JSON.stringify(rest));
      pauses.push(rest.until - now);
      now = rest.until;
    }
    t.strictSame(pauses.slice(0, 3), [30_000, 60_000, 120_000]);
    t.equal(pauses.at(-1), HOUR);
    state = parked(taken(state, 'a', 'try'), 'a', 'refused', now);
    state = powerSeen(powerSeen(state, false, now), true, now);
    t.strictSame(next(state, now + SETTLE), { do: 'try', key: 'a' });
    return undefined;
  },
);

await t.test('an order comes after the earlier ones for its volume, and not after others', async (t) => {
  const state = powerSeen(
    waiting(order('a', 'v'), order('b', 'w'), order('c', 'v'), order('d')),
    true,
    0 - SETTLE,
  );
  t.equal(ahead(state, 'a'), undefined);
  t.equal(ahead(state, 'b'), undefined);
  t.equal(ahead(state, 'c')?.key, 'a');
  t.equal(ahead(state, 'd')?.key, 'a', 'one of which it is not known could be any');
  t.equal(ahead(volumeKnown(state, 'd', 'x'), 'd'), undefined);
  t.equal(ahead(ended(state, 'a'), 'c'), undefined);
});

/** A desk that does with what is due whatever chance says. */
const step = fc.oneof(
  fc.record({
    do: fc.constant('enter' as const),
    volume: fc.option(fc.constantFrom('v', 'w'), { nil: undefined }),
    limit: fc.nat(2 * HOUR),
  }),
  fc.record({ do: fc.constant('power' as const), down: fc.boolean() }),
  fc.record({ do: fc.constant('pass' as const), by: fc.nat(HOUR) }),
  fc.record({
    do: fc.constant('arrive' as const),
    which: fc.nat(7),
    parks: fc.boolean(),
    turn: fc.boolean(),
  }),
  fc.record({ do: fc.constant('stop' as const), which: fc.nat(7) }),
);

await t.test('whatever happens, in whatever order', async (_t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let state: Waiting = NOTHING_WAITS;
      let now = 0;
      let made = 0;
      let down = -1;
      const trying = new Set<string>();
      /** With the desk, for whatever reason. */
      const busy: string[] = [];
      for (const each of steps) {
        switch (each.do) {
          case 'enter': {
            const key = `k${made}`;
            made += 1;
            state = entered(state, order(key, each.volume, each.limit));
            busy.push(key);
            break;
          }
          case 'power':
            if (each.down && down < 0) down = now;
            if (!each.down) down = -1;
            state = powerSeen(state, each.down, now);
            break;
          case 'pass':
            now += each.by;
            state = timePassed(state, each.by);
            break;
          case 'arrive': {
            const [key] = busy.splice(each.which % Math.max(1, busy.length), 1);
            if (key === undefined) break;
            trying.delete(key);
            state = each.parks ? parked(state, key, each.turn ? 'turn' : 'refused', now) : ended(state, key);
            break;
          }
          case 'stop': {
            const one = state.orders.filter(({ is }) => is === 'waiting')[each.which];
            if (one === undefined) break;
            state = taken(state, one.key, 'end');
            busy.push(one.key);
            break;
          }
        }
        for (let due = next(state, now); due.do !== 'rest'; due = next(state, now)) {
          const { key } = due;
          const one = state.orders.find((waiter) => waiter.key === key)!;
          if (one.is !== 'waiting') throw new Error('taken from the desk');
          if (due.do === 'end') {
            if (one.waited < one.limit) throw new Error('ended before its time');
          } else {
            if (trying.size > 0) throw new Error('two tries at once');
            if (down < 0 || now < down + SETTLE) throw new Error('tried while the host may be on');
            if (one.waited >= one.limit) throw new Error('tried after its time');
            const before = state.orders.slice(0, state.orders.indexOf(one));
            const same = before.some(
              ({ volume }) => volume === undefined || one.volume === undefined || volume === one.volume,
            );
            if (same) throw new Error('overtook another for its volume');
            trying.add(key);
          }
          state = taken(state, key, due.do);
          busy.push(key);
        }
        const rest = next(state, now);
        const waits = state.orders.some(({ is }) => is === 'waiting');
        if (waits && (rest.do !== 'rest' || rest.until === undefined || rest.until <= now))
          throw new Error('an order waits, and nobody will look at it');
      }
      // At its end every order is with the desk to be ended, if the host never comes down again.
      state = timePassed(powerSeen(state, false, now), 3 * HOUR);
      for (let due = next(state, now); due.do !== 'rest'; due = next(state, now))
        state = taken(state, due.key, 'end');
      if (state.orders.some(({ is }) => is === 'waiting')) throw new Error('waits for ever');
    }),
    { numRuns: 400 },
  );
});
