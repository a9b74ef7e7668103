import fc from 'fast-check';
import t from 'tap';
import { asNsError, concatBytes, crc32c } from '../../../../src/base/index.ts';
import {
  decodeMessage,
  decodeRecord,
  encodeMessage,
  encodeRecord,
  LARGEST_MESSAGE,
  RECORD_BYTES,
  SMALLEST_FRAME,
  SYNC_CHANGES,
  SYNC_NOTICES,
  type SyncMessage,
  type SyncRecord,
} from '../../../../src/sata-chain/index.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const id = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((b) => Buffer.from(b).toString('hex'));
const text = (length: number) =>
  fc
    .string({ maxLength: length, unit: fc.constantFrom('A', 'B', ' ', 'x', '0', '9', '-', '_', '.') })
    .map((s) => s.trim());
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

await t.test('the smallest frame that any link carries is enough', async (t) => {
  t.ok(SMALLEST_FRAME <= 128, 'a serial line of 9600 baud');
});

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

/** A message as somebody forges it: any bytes, and the right checksum. */
function sealed(bytes: Uint8Array): Uint8Array {
  const check = new Uint8Array(4);
  new DataView(check.buffer).setUint32(0, crc32c(bytes), true);
  return concatBytes(bytes, check);
}

await t.test('a message cut short, made longer or with one flipped bit is refused', async (t) => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(7), (said, at, bit) => {
      const whole = encodeMessage(said);
      const flipped = whole.slice();
      flipped[at % whole.byteLength]! ^= 1 << bit;
      const wrong: Uint8Array[] = [flipped, new Uint8Array([...whole, 0])];
      for (let length = 0; length < whole.byteLength; length += 1) wrong.push(whole.subarray(0, length));
      return wrong.every((bytes) => codeOf(() => decodeMessage(bytes)) !== 'taken');
    }),
    { numRuns: 60 },
  );
  t.equal(
    codeOf(() => decodeMessage(new Uint8Array(LARGEST_MESSAGE + 1))),
    'NS_SYNC_MALFORMED',
  );
});

await t.test('whatever somebody forges is refused as theirs, or is a message to the byte', async (t) => {
  let taken = 0;
  const forged: fc.Arbitrary<Uint8Array> = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes): Uint8Array => bytes),
    fc.tuple(message, fc.nat(), fc.nat(7), fc.nat(40)).map(([said, at, bit, cut]): Uint8Array => {
      const bytes = new Uint8Array(encodeMessage(said).subarray(0, -4));
      bytes[at % bytes.byteLength]! ^= 1 << bit;
      return bytes.subarray(0, Math.max(1, bytes.byteLength - (cut > 30 ? cut : 0)));
    }),
  );
  fc.assert(
    fc.property(forged, (bytes) => {
      const packet = sealed(bytes);
      try {
        const same = Buffer.compare(encodeMessage(decodeMessage(packet)), packet) === 0;
        taken += 1;
        return same;
      } catch (error) {
        return asNsError(error).family === 'peer';
      }
    }),
    { numRuns: 1500 },
  );
  t.ok(taken > 0, 'some only change a value');
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
