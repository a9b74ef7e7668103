import fc from 'fast-check';
import t from 'tap';
import * as v from 'valibot';
import {
  frameJson,
  frameRecord,
  type RecordKind,
  storedCopy,
  toHex,
  unframeJson,
  unframeRecord,
  utf8,
} from '../../../src/base/index.ts';

const KIND: RecordKind = { letters: 'NSTS', largest: 256 };
const schema = v.strictObject({ n: v.number() });

await t.test('a frame is letters, length and CRC-32C in little endian, and the body', async (t) => {
  t.equal(toHex(frameRecord(KIND, utf8('123456789'))), '4e53545309000000839206e3313233343536373839');
});

await t.test(
  'every body up to the limit comes back, and none with a flipped bit, a byte more or less',
  async (t) => {
    const body = fc.uint8Array({ maxLength: 244 });
    fc.assert(
      fc.property(body, fc.nat(), (bytes, at) => {
        const framed = frameRecord(KIND, bytes);
        t.same(unframeRecord(KIND, framed), bytes);
        const flipped = framed.slice();
        const bit = at % (framed.byteLength * 8);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        t.equal(unframeRecord(KIND, flipped), undefined);
        t.equal(unframeRecord(KIND, framed.subarray(0, -1)), undefined);
        t.equal(unframeRecord(KIND, new Uint8Array([...framed, 0])), undefined);
      }),
      { numRuns: 200 },
    );
  },
);

await t.test('a record of another kind, or one too long for its kind, is not whole', async (t) => {
  const framed = frameRecord(KIND, new Uint8Array(244));
  t.equal(unframeRecord({ ...KIND, letters: 'NSTT' }, framed), undefined);
  t.equal(unframeRecord({ ...KIND, largest: 255 }, framed), undefined);
});

await t.test('JSON that is none, or of another shape, is damage; nothing stored is not', async (t) => {
  const read = (stored: Uint8Array | undefined) =>
    storedCopy(stored, (bytes) => unframeJson(KIND, bytes, schema));
  t.same(read(frameJson(KIND, { n: 7 })), { is: 'whole', record: { n: 7 } });
  t.same(read(frameJson(KIND, { n: 7, more: 1 })), { is: 'damaged' });
  t.same(read(frameRecord(KIND, utf8('{'))), { is: 'damaged' });
  t.same(read(frameRecord(KIND, new Uint8Array([0xff]))), { is: 'damaged' });
  t.same(read(undefined), { is: 'absent' });
});
