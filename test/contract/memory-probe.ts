import t from 'tap';
import type { MemoryProbe, PowerState } from '../../src/ports/index.ts';

const STATES: readonly PowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3', 'unknown'];

/** What every MemoryProbe promises. `make` gives one whose memory works and can be reached in S5. */
export async function memoryProbeContract(name: string, make: () => Promise<MemoryProbe>): Promise<void> {
  await t.test(`${name}: every state is answered, with a sentence where nothing is reached`, async (t) => {
    const probe = await make();
    for (const state of STATES) {
      for (const verdict of Object.values(probe.reach(state))) {
        if (!verdict.ok) t.match(verdict.refusal, { code: 'MEMORY_UNREACHABLE', sentence: /\S/ }, state);
      }
    }
    t.notOk(probe.reach('unknown').dram.ok);
  });

  await t.test(`${name}: what can be reached lies on modules that are there`, async (t) => {
    const probe = await make();
    const slots = await probe.slots();
    t.equal(new Set(slots.map(({ slot }) => slot)).size, slots.length);
    const reach = probe.reach('S5').dram;
    t.ok(reach.ok && reach.value.length > 0);
    if (!reach.ok) return;
    for (const { start, length } of reach.value) {
      t.equal(start % 8, 0);
      t.ok(length > 0);
    }
    for (const { slot, populated } of slots) {
      if (populated) t.ok((await probe.readSpd(slot)).byteLength >= 256);
    }
    await t.rejects(probe.readSpd('no such slot'), { code: /^NS_SPD_/ });
  });

  await t.test(`${name}: memory keeps words, and refuses what is not there`, async (t) => {
    const probe = await make();
    const reach = probe.reach('S5').dram;
    if (!reach.ok) throw new Error('nothing is reached');
    const { start, length } = reach.value[0]!;
    const data = Uint8Array.from({ length: 256 }, (_, i) => i ^ 0x5a);
    await probe.write(start, data);
    const into = new Uint8Array(256);
    await probe.read(start, into);
    t.same(into, data);
    await t.rejects(probe.read(start + 4, new Uint8Array(8)), { code: 'NS_MEMORY_RANGE' });
    await t.rejects(probe.write(start, new Uint8Array(7)), { code: 'NS_MEMORY_RANGE' });
    const end = reach.value.reduce(
      (last, range) => Math.max(last, range.start + range.length),
      start + length,
    );
    await t.rejects(probe.read(end, new Uint8Array(8)), { code: 'NS_MEMORY_RANGE' });
    await t.rejects(probe.read(start, into, AbortSignal.abort(new Error('no'))), { message: 'no' });
  });

  await t.test(
    `${name}: a sweep, where there is one, does its operations on each word and counts what differs`,
    async (t) => {
      const probe = await make();
      const reach = probe.reach('S5').dram;
      if (!probe.sweep || !reach.ok) {
        t.comment('this board does not sweep by itself');
        return;
      }
      const range = { start: reach.value[0]!.start, length: 1024 };
      const zeros = new Uint8Array(8);
      const ones = new Uint8Array(8).fill(0xff);
      const fill = await probe.sweep(range, 'up', [{ do: 'write', word: zeros }]);
      t.same(fill, { mismatches: [], count: 0 });
      await probe.write(range.start + 16, ones);
      const found = await probe.sweep(range, 'down', [
        { do: 'read', word: zeros },
        { do: 'write', word: ones },
      ]);
      t.match(found, {
        count: 1,
        mismatches: [{ address: range.start + 16, expected: zeros, actual: ones }],
      });
      t.equal((await probe.sweep(range, 'up', [{ do: 'read', word: ones }])).count, 0);
      const many = await probe.sweep(range, 'up', [{ do: 'read', word: zeros }]);
      t.equal(many.count, 128);
    },
  );
}
