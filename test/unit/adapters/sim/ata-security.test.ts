import fc from 'fast-check';
import t from 'tap';
import {
  type AtaSecurity,
  type AtaSecurityCommand,
  newSecurity,
  SECURITY_ATTEMPTS,
  stepSecurity,
} from '../../../../src/adapters/sim/ata-security.ts';

const word = (text: string): Uint8Array => new TextEncoder().encode(text.padEnd(32));
const password = fc.constantFrom('one', 'two').map(word);
const master = newSecurity().master;

const command: fc.Arbitrary<AtaSecurityCommand> = fc.oneof(
  fc.record({ is: fc.constant('set-password' as const), password, maximum: fc.boolean() }),
  fc.record({ is: fc.constantFrom('unlock' as const, 'disable-password' as const), password }),
  fc.record({
    is: fc.constantFrom('unlock' as const, 'disable-password' as const),
    password: fc.constant(master),
    master: fc.constant(true),
  }),
  fc.constantFrom<AtaSecurityCommand>({ is: 'freeze-lock' }, { is: 'power-on' }),
);

/** The states by their names in the standard. */
function sec({ user, locked, frozen }: AtaSecurity): number {
  if (user === undefined) return frozen ? 2 : 1;
  return locked ? 4 : frozen ? 6 : 5;
}

/** Where each command may lead, by the standard's diagram. */
const DIAGRAM: Readonly<Record<AtaSecurityCommand['is'], Readonly<Record<number, readonly number[]>>>> = {
  'set-password': { 1: [5], 2: [2], 4: [4], 5: [5], 6: [6] },
  unlock: { 1: [1], 2: [2], 4: [4, 5], 5: [5], 6: [6] },
  'disable-password': { 1: [1], 2: [2], 4: [4], 5: [1, 5], 6: [6] },
  'freeze-lock': { 1: [2], 2: [2], 4: [4], 5: [6], 6: [6] },
  'power-on': { 1: [1], 2: [1], 4: [4], 5: [4], 6: [4] },
};

await t.test('every command leads where the diagram of the standard leads', async (t) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      let state = newSecurity();
      for (const one of commands) {
        const from = sec(state);
        const { state: next, done } = stepSecurity(state, one);
        const to = sec(next);
        seen.add(`${from} ${to}`);
        if (!DIAGRAM[one.is][from]!.includes(to)) throw new Error(`SEC${from}, ${one.is}: SEC${to}`);
        if (!done && (next.user !== state.user || from !== to))
          throw new Error('what is aborted changes nothing');
        state = next;
      }
    }),
    { numRuns: 300 },
  );
  for (const way of ['1 5', '1 2', '5 6', '5 4', '4 5', '5 1', '6 4', '2 1']) t.ok(seen.has(way), way);
});

await t.test('no sequence without the right password opens a drive of level maximum', async (t) => {
  const notTwo = command.filter((one) => !('password' in one) || one.password[0] !== word('two')[0]);
  const locked = stepSecurity(
    stepSecurity(newSecurity(), { is: 'set-password', password: word('two'), maximum: true }).state,
    { is: 'power-on' },
  ).state;
  fc.assert(
    fc.property(fc.array(notTwo, { maxLength: 30 }), (commands) => {
      let state = locked;
      for (const one of commands) state = stepSecurity(state, one).state;
      return state.locked;
    }),
    { numRuns: 300 },
  );
  t.equal(stepSecurity(locked, { is: 'unlock', password: word('two') }).state.locked, false);
});

await t.test('five wrong passwords, and the right one waits for the next power-on', async (t) => {
  let state = stepSecurity(newSecurity(), { is: 'set-password', password: word('a'), maximum: true }).state;
  state = stepSecurity(state, { is: 'power-on' }).state;
  for (let n = 0; n < SECURITY_ATTEMPTS; n += 1) {
    state = stepSecurity(state, { is: 'unlock', password: word('b') }).state;
  }
  t.equal(state.attempts, 0);
  t.equal(stepSecurity(state, { is: 'unlock', password: word('a') }).done, false);
  state = stepSecurity(state, { is: 'power-on' }).state;
  t.equal(stepSecurity(state, { is: 'unlock', password: word('a') }).done, true);
});

await t.test(
  "the factory's master password opens a drive of level high, and none of level maximum",
  async (t) => {
    for (const maximum of [false, true]) {
      let state = stepSecurity(newSecurity(), { is: 'set-password', password: word('a'), maximum }).state;
      state = stepSecurity(state, { is: 'power-on' }).state;
      t.equal(stepSecurity(state, { is: 'unlock', password: master, master: true }).done, !maximum);
    }
  },
);
