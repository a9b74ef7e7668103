import t from 'tap';
import { SimMemory } from '../../../../src/adapters/sim/memory.ts';
import type { MemoryFault } from '../../../../src/adapters/sim/memory-cells.ts';

const word = (byte: number) => new Uint8Array(8).fill(byte);

function memory(...faults: MemoryFault[]) {
  const spd = 'good' as const;
  return new SimMemory({
    dimms: [
      { slot: 'A1', size: 8192, faults, spd },
      { slot: 'A2', size: 4096, faults: [], spd },
      { slot: 'B1', size: 0, faults: [], spd },
    ],
    dramIn: ['S5'],
    spdIn: ['S5'],
  });
}

async function after(probe: SimMemory, address: number, ...writes: Uint8Array[]) {
  for (const data of writes) await probe.write(address, data);
  const into = new Uint8Array(8);
  await probe.read(address, into);
  return into;
}

await t.test('memory keeps what is written, also across modules', async (t) => {
  const probe = memory();
  const data = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
  await probe.write(8192 - 32, data);
  const into = new Uint8Array(64);
  await probe.read(8192 - 32, into);
  t.same(into, data);
  await t.rejects(probe.read(8192 + 4096 - 8, new Uint8Array(16)), { code: 'NS_MEMORY_RANGE' });
  await t.rejects(probe.read(4, new Uint8Array(8)), { code: 'NS_MEMORY_RANGE' });
});

await t.test('each fault does what its model says, and nothing else', async (t) => {
  const stuck = memory({ kind: 'stuck-at', at: 17, bit: 2, value: 1 });
  t.equal((await after(stuck, 16, word(0)))[1], 4);
  t.equal((await after(stuck, 24, word(0)))[1], 0);

  const rise = memory({ kind: 'transition', at: 16, bit: 0, cannot: 'rise' });
  t.equal((await after(rise, 16, word(0xff)))[0], 0xfe);
  const fall = memory({ kind: 'transition', at: 16, bit: 0, cannot: 'fall' });
  t.equal((await after(fall, 16, word(0xff), word(0)))[0], 1);

  const flip = memory({
    kind: 'coupling',
    aggressor: { at: 0, bit: 0 },
    on: 'rise',
    victim: { at: 4096, bit: 7 },
    effect: 'flip',
  });
  await flip.write(0, word(0xff));
  t.equal((await after(flip, 4096))[0], 0x80);
  await flip.write(0, word(0xff));
  t.equal((await after(flip, 4096))[0], 0x80, 'no transition, no effect');

  const nothing = memory({ kind: 'address', at: 64, reaches: 'nothing' });
  t.same(await after(nothing, 64, word(0xff)), word(0));
  const other = memory({ kind: 'address', at: 64, reaches: 'other', other: 128 });
  await other.write(64, word(5));
  t.same(await after(other, 128), word(5));
  const both = memory({ kind: 'address', at: 64, reaches: 'both', other: 128 });
  await both.write(64, word(3));
  t.same(await after(both, 128), word(3));
  await both.write(128, word(6));
  t.same(await after(both, 64), word(2), 'two cells on one wire: the zeros win');
});

await t.test('a sweep gives the same as single reads and writes would', async (t) => {
  const faults: MemoryFault[] = [
    { kind: 'stuck-at', at: 800, bit: 0, value: 0 },
    {
      kind: 'coupling',
      aggressor: { at: 16, bit: 0 },
      on: 'rise',
      victim: { at: 24, bit: 0 },
      effect: 'clear',
    },
  ];
  const ones = word(0xff);
  for (const order of ['up', 'down'] as const) {
    const swept = memory(...faults);
    const found = await swept.sweep({ start: 0, length: 8192 }, order, [
      { do: 'read', word: word(0) },
      { do: 'write', word: ones },
      { do: 'read', word: ones },
    ]);
    const single = memory(...faults);
    const expected: number[] = [];
    const addresses = Array.from({ length: 1024 }, (_, i) => i * 8);
    for (const address of order === 'up' ? addresses : addresses.reverse()) {
      const into = new Uint8Array(8);
      await single.read(address, into);
      if (into[0] !== 0) expected.push(address);
      if ((await after(single, address, ones))[0] !== 0xff) expected.push(address);
    }
    t.same(
      found.mismatches.map(({ address }) => address),
      expected,
      order,
    );
    t.equal(found.count, expected.length);
  }
});
