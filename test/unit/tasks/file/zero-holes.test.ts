import fc from 'fast-check';
import t from 'tap';
import { KiB } from '../../../../src/base/index.ts';
import { zerosAsHoles } from '../../../../src/tasks/file/zero-holes.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

await t.test(
  'what is told as a hole reads as zeros, runs cover what was asked for, and large zeros are told',
  async () => {
    const change = fc.record({ at: fc.nat(400 * KiB - 1), length: fc.nat(100 * KiB) });
    const asked = fc.record({ offset: fc.nat(420 * KiB), length: fc.nat(420 * KiB) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 4 }), asked, async (changes, { offset, length }) => {
        const bytes = new Uint8Array(400 * KiB);
        for (const { at, length } of changes) bytes.fill(1, at, at + length);
        const content = zerosAsHoles(new MemoryDevice('content', bytes), bytes.byteLength);
        const runs = (await content.extents?.(offset, length)) ?? [];
        let at = offset;
        let zeros = 0;
        for (const run of runs) {
          const part = bytes.subarray(at, at + run.length);
          if (run.zero !== !run.allocated || run.length === 0) throw new Error('a run makes no sense');
          if (run.zero && part.some((byte) => byte !== 0)) throw new Error(`a hole at ${at} holds something`);
          if (run.zero) zeros += run.length;
          at += run.length;
        }
        const end = Math.max(offset, Math.min(bytes.byteLength, offset + length));
        if (at !== end) throw new Error(`told up to ${at}, not ${end}`);
        if (changes.length === 0 && zeros !== end - offset) throw new Error('zeros were not told');
      }),
      { numRuns: 200 },
    );
  },
);

await t.test('a piece that begins with zeros and ends with something is no hole', async (t) => {
  const bytes = new Uint8Array(192 * KiB);
  bytes[128 * KiB - 1] = 1;
  const content = zerosAsHoles(new MemoryDevice('content', bytes), bytes.byteLength);
  const both = await Promise.all([content.extents?.(0, 1e9), content.extents?.(64 * KiB, 64 * KiB)]);
  t.same(both, [
    [
      { length: 64 * KiB, allocated: false, zero: true },
      { length: 64 * KiB, allocated: true, zero: false },
      { length: 64 * KiB, allocated: false, zero: true },
    ],
    [{ length: 64 * KiB, allocated: true, zero: false }],
  ]);
});
