import fc from 'fast-check';
import t from 'tap';
import {
  BOOT_RECORD_BYTES,
  type BootRecord,
  newestBootRecord,
  readBootRecord,
  type SlotState,
  writeBootRecord,
} from '../../../src/firmware/index.ts';

const firmware = fc.record({
  version: fc.stringMatching(/^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-rc[0-9])?$/),
  rollback: fc.nat(),
  size: fc.nat(),
  sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
});
const state: fc.Arbitrary<SlotState> = fc.oneof(
  fc.constant({ is: 'empty' } as const),
  firmware.map(({ version }) => ({ is: 'bad', version }) as const),
  firmware.map((one) => ({ is: 'good', ...one }) as const),
  fc.tuple(firmware, fc.nat(9)).map(([one, left]) => ({ is: 'trying', ...one, left }) as const),
);
const record: fc.Arbitrary<BootRecord> = fc.record({
  counter: fc.nat(),
  first: fc.constantFrom('a', 'b'),
  floor: fc.nat(),
  slots: fc.record({ a: state, b: state }),
});

await t.test('what is written is read', async (t) => {
  fc.assert(
    fc.property(record, (one) => {
      const bytes = writeBootRecord(one);
      t.equal(bytes.byteLength, BOOT_RECORD_BYTES);
      t.same(readBootRecord(bytes), one);
    }),
    { numRuns: 200 },
  );
});

await t.test('a copy with any byte changed, or cut anywhere, is none', async (t) => {
  fc.assert(
    fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, where, flip) => {
      const whole = writeBootRecord(one);
      const length = whole.indexOf(0);
      const at = where % length;
      const changed = whole.slice();
      changed[at] = (changed[at] ?? 0) ^ flip;
      // A zero ends the text, and may only end it where it ends.
      t.equal(readBootRecord(changed), undefined);
      t.equal(readBootRecord(whole.slice(0, at)), undefined);
    }),
    { numRuns: 300 },
  );
  t.equal(readBootRecord(new Uint8Array(BOOT_RECORD_BYTES).fill(0xff)), undefined);
  t.equal(readBootRecord(new Uint8Array(BOOT_RECORD_BYTES)), undefined);
});

await t.test('a write that is cut at any byte leaves the record before it or the one after', async (t) => {
  fc.assert(
    fc.property(record, record, fc.nat(BOOT_RECORD_BYTES), (one, other, cut) => {
      const before = { ...one, counter: 7 };
      const after = { ...other, counter: 8 };
      const torn = writeBootRecord({ ...one, counter: 6 });
      torn.set(writeBootRecord(after).subarray(0, cut));
      const found = newestBootRecord([writeBootRecord(before), torn]);
      t.ok([7, 8].includes(found?.record.counter ?? 0));
      t.same(found?.record, found?.record.counter === 7 ? before : after);
    }),
    { numRuns: 300 },
  );
});
