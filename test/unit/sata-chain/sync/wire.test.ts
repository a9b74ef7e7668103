import fc from 'fast-check';
import t from 'tap';
import { asNsError } from '../../../../src/base/index.ts';
import {
  decodeMessage,
  decodeRecord,
  encodeMessage,
  encodeRecord,
  LARGEST_MESSAGE,
  RECORD_BYTES,
  SYNC_CHANGES,
  SYNC_NOTICES,
  type SyncMessage,
  type SyncRecord,
} from '../../../../src/sata-chain/index.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const id = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((b) => Buffer.from(b).toString('hex'));
const text = (length: number) =>
  fc.string({ maxLength: length, unit: fc.constantFrom('A', 'B', ' ', 'x', '0', '9', '-', '_', '.') }).map((s) => s.trim());
const record: fc.Arbitrary<SyncRecord> = fc.record({
  unit: id,
  epoch: fc.integer({ min: 0, max: 0xffff_0000 }),
  version: u32,
  departed: fc.boolean(),
  position: fc.option(fc.integer({ min: 0, max: 0xfffe }), { nil: undefined }),
  hearsBelow: fc.boolean(),
  drive: fc.option(
    fc.record({
      model: text(40),
      serial: text(20),
      sectors: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      sectorSize: fc.constantFrom(512 as const, 4096 as const),
    }),
    { nil: undefined },
  ),
  dsi: u32,
  csi: u32,
  state: fc.integer({ min: 0, max: 255 }),
  fault: fc.integer({ min: 0, max: 255 }),
  notices: fc.subarray([...SYNC_NOTICES]),
  last: fc.constantFrom(...SYNC_CHANGES),
  at: u32,
});
const digest = id;
function ordered(...ids: readonly string[]) {
  const [first = '', last = ''] = ids.toSorted();
  return { first, last };
}
const body: fc.Arbitrary<SyncMessage['body']> = fc.oneof(
  fc.record({
    kind: fc.constant('ranges' as const),
    passOn: fc.boolean(),
    ranges: fc.array(
      fc.tuple(id, id, u32, digest).map(([a, b, count, d]) => ({ ...ordered(a, b), count, digest: d })),
      { maxLength: 8 },
    ),
  }),
  fc
    .tuple(id, id, fc.array(fc.tuple(id, u32, fc.boolean(), digest), { maxLength: 9 }))
    .map(([a, b, rows]) => ({
      kind: 'summary' as const,
      ...ordered(a, b),
      rows: rows.map(([unit, version, departed, d]) => ({ unit, epoch: 7, version, departed, digest: d })),
    })),
  fc.record({ kind: fc.constant('want' as const), units: fc.array(id, { maxLength: 20 }) }),
  fc.record({ kind: fc.constant('records' as const), records: fc.array(record, { maxLength: 9 }) }),
);
const message: fc.Arbitrary<SyncMessage> = fc.record({
  from: fc.record({
    unit: id,
    chain: fc.option(
      id.filter((chain) => !/^0*$/.test(chain)),
      { nil: undefined },
    ),
    position: fc.option(fc.integer({ min: 0, max: 0xfffe }), { nil: undefined }),
  }),
  body,
});

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'taken';
  } catch (error) {
    return asNsError(error).code;
  }
}

await t.test('records and messages come out as they went in, within the bound', async (t) => {
  fc.assert(
    fc.property(record, (said) => {
      const bytes = encodeRecord(said);
      t.equal(bytes.byteLength, RECORD_BYTES);
      t.same(decodeRecord(bytes), said);
    }),
    { numRuns: 100 },
  );
  fc.assert(
    fc.property(message, (said) => {
      const bytes = encodeMessage(said);
      t.ok(bytes.byteLength <= LARGEST_MESSAGE);
      t.same(decodeMessage(bytes), said);
    }),
    { numRuns: 100 },
  );
});

await t.test('a message cut short or made longer is refused, at every length that is not one', async (t) => {
  fc.assert(
    fc.property(message, (said) => {
      const whole = encodeMessage(said);
      for (let length = 0; length < whole.byteLength; length += 1) {
        const cut = whole.subarray(0, length);
        // What is left of a list can be a shorter list: then it is one, to the byte.
        try {
          if (Buffer.compare(encodeMessage(decodeMessage(cut)), cut) !== 0) return false;
        } catch (error) {
          if (asNsError(error).family !== 'peer') return false;
        }
      }
      return (
        codeOf(() => decodeMessage(new Uint8Array([...whole, 0]))) !== 'taken' || said.body.kind === 'want'
      );
    }),
    { numRuns: 40 },
  );
  t.equal(
    codeOf(() => decodeMessage(new Uint8Array(LARGEST_MESSAGE + 1))),
    'NS_SYNC_MALFORMED',
  );
});

await t.test('random bytes and flipped bits are refused, or are a message to the byte', async (t) => {
  let taken = 0;
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(message, fc.nat(), fc.nat(7)).map(([said, at, bit]) => {
      const bytes = encodeMessage(said);
      bytes[at % bytes.byteLength]! ^= 1 << bit;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(some, (bytes) => {
      try {
        taken += 1;
        return Buffer.compare(encodeMessage(decodeMessage(bytes)), bytes) === 0;
      } catch (error) {
        taken -= 1;
        return asNsError(error).family === 'peer';
      }
    }),
    { numRuns: 1500 },
  );
  t.ok(taken > 0, 'some flips only change a value');
});

await t.test('a record that would never be overruled is refused', async (t) => {
  const bytes = encodeRecord({
    unit: '0000000000000001',
    epoch: 1,
    version: 0,
    departed: false,
    position: 0,
    hearsBelow: false,
    drive: undefined,
    dsi: 0,
    csi: 0,
    state: 0,
    fault: 0,
    notices: [],
    last: 'power-on',
    at: 0,
  });
  bytes.fill(0xff, 8, 12);
  t.equal(
    codeOf(() => decodeRecord(bytes)),
    'NS_SYNC_MALFORMED',
  );
});
