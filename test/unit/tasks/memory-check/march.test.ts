import fc from 'fast-check';
import t from 'tap';
import { type MemoryFault, SimMemory } from '../../../../src/adapters/sim/index.ts';
import { KiB } from '../../../../src/base/index.ts';
import type { MemoryProbe } from '../../../../src/ports/index.ts';
import { ErrorList } from '../../../../src/tasks/memory-check/error-list.ts';
import { MARCHES, type MarchName, marchBytes, runMarch } from '../../../../src/tasks/memory-check/march.ts';

const never = new AbortController().signal;

function memory(size: number, ...faults: MemoryFault[]): SimMemory {
  return new SimMemory({ dimms: [{ slot: 'A1', size, faults, spd: 'good' }], dramIn: ['S5'], spdIn: ['S5'] });
}

/** The same memory on a board that cannot sweep by itself. */
function wordByWord(probe: SimMemory): MemoryProbe {
  return {
    reach: (state) => probe.reach(state),
    slots: () => probe.slots(),
    readSpd: (slot) => probe.readSpd(slot),
    read: (address, into, signal) => probe.read(address, into, signal),
    write: (address, data, signal) => probe.write(address, data, signal),
  };
}

async function march(name: MarchName, probe: MemoryProbe, size: number) {
  const errors = new ErrorList();
  let bytes = 0;
  const ranges = [{ start: 0, length: size }];
  await runMarch({
    probe,
    name,
    ranges,
    errors,
    signal: never,
    onBytes: (n) => {
      bytes += n;
    },
  });
  t.equal(bytes, marchBytes(name, ranges));
  return errors;
}

const flips = [1, 0] as const;
const SIZE = 160 * KiB;
// Pairs of words: neighbours, far apart in one chunk, in different chunks; either of them the aggressor.
const PAIRS: [number, number][] = [
  [64, 72],
  [72, 64],
  [8, 60_000],
  [60_000, 8],
  [40, 150_000],
  [150_000, 40],
];

const stuck: MemoryFault[] = flips.map((value) => ({ kind: 'stuck-at', at: 70_001, bit: 5, value }));
const address: MemoryFault[] = [
  { kind: 'address', at: 4096, reaches: 'nothing' },
  ...PAIRS.flatMap(([at, other]): MemoryFault[] => [
    { kind: 'address', at, reaches: 'other', other },
    { kind: 'address', at, reaches: 'both', other },
  ]),
];
const transition: MemoryFault[] = (['rise', 'fall'] as const).map((cannot) => ({
  kind: 'transition',
  at: 8,
  bit: 0,
  cannot,
}));
const coupling: MemoryFault[] = PAIRS.flatMap(([aggressor, victim]) =>
  (['rise', 'fall'] as const).flatMap((on) =>
    (['flip', 'set', 'clear'] as const).map(
      (effect): MemoryFault => ({
        kind: 'coupling',
        aggressor: { at: aggressor, bit: 1 },
        on,
        victim: { at: victim, bit: 6 },
        effect,
      }),
    ),
  ),
);
const mustFind: Readonly<Record<MarchName, readonly MemoryFault[]>> = {
  'mats+': [...stuck, ...address],
  'march-c-': [...stuck, ...address, ...transition, ...coupling],
};

for (const name of ['mats+', 'march-c-'] as const) {
  await t.test(`${name} finds every fault that it promises to find`, async (t) => {
    for (const fault of mustFind[name]) {
      const errors = await march(name, memory(SIZE, fault), SIZE);
      t.ok(errors.count > 0, JSON.stringify(fault));
    }
  });

  await t.test(`${name} finds the same on a board that reads and writes word by word`, async (t) => {
    const small = 8 * KiB;
    const near: MemoryFault[] = mustFind[name].filter((fault) => !/[0-9]{5}/.test(JSON.stringify(fault)));
    t.ok(near.length >= 5);
    for (const fault of near) {
      const slow = await march(name, wordByWord(memory(small, fault)), small);
      const fast = await march(name, memory(small, fault), small);
      t.ok(slow.count > 0, JSON.stringify(fault));
      t.same(slow.listed, fast.listed);
    }
  });

  await t.test(`${name} finds nothing in good memory`, async (t) => {
    t.equal((await march(name, memory(SIZE), SIZE)).count, 0);
    t.equal((await march(name, wordByWord(memory(4096)), 4096)).count, 0);
  });
}

await t.test('an error tells the word, the element, what was expected and what was there', async (t) => {
  const errors = await march(
    'march-c-',
    memory(SIZE, { kind: 'stuck-at', at: 70_003, bit: 4, value: 1 }),
    SIZE,
  );
  t.same(errors.listed, [
    {
      at: 70_000,
      what: 'march-c- element 2 (up: r0,w1)',
      expected: new Uint8Array(8),
      actual: Uint8Array.of(0, 0, 0, 16, 0, 0, 0, 0),
    },
  ]);
  t.equal(errors.count, 1, 'a word that fails in several elements is one error');
});

await t.test('a memory that is wholly dead is counted in full and listed in part', async (t) => {
  const dead: MemoryProbe = {
    ...wordByWord(memory(4096)),
    read: async (_address, into) => {
      into.fill(0xaa);
    },
  };
  const errors = await march('mats+', dead, 4096);
  t.equal(errors.count, 512);
  t.equal(errors.listed.length, 256);
});

await t.test('an abort ends the march within a chunk', async (t) => {
  const abort = new AbortController();
  const errors = new ErrorList();
  let chunks = 0;
  const run = runMarch({
    probe: memory(SIZE),
    name: 'march-c-',
    ranges: [{ start: 0, length: SIZE }],
    errors,
    signal: abort.signal,
    onBytes: () => {
      chunks += 1;
      if (chunks === 4) abort.abort(new Error('enough'));
    },
  });
  await t.rejects(run, { message: 'enough' });
  t.equal(chunks, 4);
});

await t.test('whatever two words are coupled, march-c- finds it', async (t) => {
  const at = fc.integer({ min: 0, max: 16 * KiB - 1 });
  const bit = fc.integer({ min: 0, max: 7 });
  await fc.assert(
    fc.asyncProperty(
      at,
      bit,
      at,
      bit,
      fc.constantFrom('rise' as const, 'fall' as const),
      fc.constantFrom('flip' as const, 'set' as const, 'clear' as const),
      async (a, aBit, v, vBit, on, effect) => {
        fc.pre(Math.floor(a / 8) !== Math.floor(v / 8));
        const fault = {
          kind: 'coupling' as const,
          aggressor: { at: a, bit: aBit },
          on,
          victim: { at: v, bit: vBit },
          effect,
        };
        return (await march('march-c-', memory(16 * KiB, fault), 16 * KiB)).count > 0;
      },
    ),
    { numRuns: 200 },
  );
  t.equal(MARCHES['march-c-'].flatMap(({ steps }) => steps).length, 10, 'ten operations a word');
});
