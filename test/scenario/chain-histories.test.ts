import fc from 'fast-check';
import t from 'tap';
import { millis } from '../../src/sata-chain/index.ts';
import { ChainWorld, type Mishap } from '../kit/chain-world.ts';

const at = fc.nat(31);
const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({ do: fc.constantFrom('pull drive', 'plug drive', 'drive dies', 'drive heals'), at }),
  fc.record({ do: fc.constantFrom('pull cable', 'plug cable'), at }),
  fc.record({ do: fc.constantFrom('power off', 'power on'), at }),
  fc.record({ do: fc.constantFrom('host reset', 'host off', 'host on') }),
  fc.record({ do: fc.constantFrom('partial', 'slumber', 'wake', 'resync'), at }),
);
/** Microseconds to the next: within a handshake, within T_absent, within T_spin. */
const pause = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 30_000 }),
  fc.integer({ min: 0, max: 1_000_000 }),
  fc.integer({ min: 0, max: 40_000_000 }),
);
const history = fc.array(fc.tuple(mishap, pause), { minLength: 1, maxLength: 24 });
const order = fc.record({ do: fc.constantFrom('own', 'hand-back', 'disable', 'enable'), at });
const ordered = fc.array(fc.tuple(fc.oneof(mishap, order), pause), { minLength: 1, maxLength: 24 });

function live(units: number, events: readonly (readonly [Mishap, number])[], mirrored = false): ChainWorld {
  const world = new ChainWorld(units);
  world.start();
  if (mirrored) world.keepPlaces();
  for (const [what, wait] of events) {
    world.apply(what);
    world.chain.wheel.run(millis(wait / 1000));
  }
  return world;
}

function check(world: ChainWorld): void {
  const partial = world.partial();
  if (partial.length > 0) throw new Error(`the host took ${partial.join()} of ${world.whole} sectors`);
  const lies = world.lies();
  if (lies.length > 0) throw new Error([...lies, ...world.states()].join('\n'));
}

for (const [units, runs] of [
  [1, 60],
  [2, 80],
  [4, 60],
  [9, 25],
  [32, 8],
] as const) {
  await t.test(
    `a chain of ${units} tells the truth at rest, and never shows a part, whatever happens`,
    async () => {
      fc.assert(
        fc.property(history, (events) => {
          const world = live(units, events);
          world.settle();
          check(world);
        }),
        { seed: 1000 + units, numRuns: runs },
      );
    },
  );

  await t.test(`a chain of ${units} is whole again once everything is put back`, async () => {
    fc.assert(
      fc.property(ordered, fc.boolean(), (events, mirrored) => {
        const world = live(units, events, mirrored);
        world.heal();
        check(world);
        if (world.chain.host.disk?.sectors !== world.whole) throw new Error('not whole');
      }),
      { seed: 2000 + units, numRuns: runs },
    );
  });
}
