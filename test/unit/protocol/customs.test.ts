import fc from 'fast-check';
import t from 'tap';
import { fromHex, utf8 } from '../../../src/base/index.ts';
import { type CustomsRules, encode, inspect, MAX_DEPTH, readCbor } from '../../../src/protocol/index.ts';
import { wireValue } from '../../kit/cbor-values.ts';

const WIDE: Partial<CustomsRules> = { maxItems: 1_000_000, maxMapKeys: 100_000 };

function defectOf(bytes: Uint8Array, rules: Partial<CustomsRules> = {}): string {
  const verdict = inspect(bytes, rules);
  if (verdict.ok) return 'none';
  return verdict.refusal.code === 'CBOR_INVALID' ? verdict.refusal.sentence : verdict.refusal.code;
}

await t.test('whatever we encode passes', async (t) => {
  fc.assert(
    fc.property(wireValue, (value) => inspect(encode(value), WIDE).ok),
    { numRuns: 300 },
  );
  t.pass();
});

await t.test('every truncation and every extension is refused', async (t) => {
  fc.assert(
    fc.property(wireValue, fc.nat(255), (value, extra) => {
      const bytes = encode(value);
      if (inspect(new Uint8Array([...bytes, extra]), WIDE).ok) return false;
      for (let cut = 0; cut < Math.min(bytes.byteLength, 200); cut += 1) {
        if (inspect(bytes.subarray(0, cut), WIDE).ok) return false;
      }
      return true;
    }),
    { numRuns: 100 },
  );
  t.pass();
});

await t.test(
  'random bytes are judged without an exception, and what passes decodes and encodes to itself',
  async (t) => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(wireValue, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
        const bytes = encode(value);
        bytes[at % bytes.byteLength] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(some, (bytes) => {
        const item = readCbor(bytes, WIDE);
        // Integer-like keys move to the front of an object, so only lengths can be compared.
        return !item.ok || encode(item.value).byteLength === bytes.byteLength;
      }),
      { numRuns: 2000 },
    );
    t.pass();
  },
);

await t.test('each hostile class is refused, by its name and place', async (t) => {
  const cases: readonly [name: string, hex: string, says: RegExp][] = [
    ['nothing', '', /end of the input.* byte 0/],
    ['a lone break', 'ff', /break.* byte 0/],
    ['trailing bytes', '0000', /after the end at byte 1/],
    ['an indefinite byte string', '5f4100ff', /indefinite.* byte 0/],
    ['an indefinite text', '7f6161ff', /indefinite/],
    ['an indefinite array', '9f01ff', /indefinite/],
    ['an indefinite map', 'bf616101ff', /indefinite/],
    ['a reserved length form', '1c', /reserved/],
    ['a positive bignum', 'c24101', /tag 2 at byte 0/],
    ['a negative bignum', 'c34101', /tag 3/],
    ['a date', 'c100', /tag 1/],
    ['a regular expression', 'd81b826161', /tag 27/],
    ['a shared value', 'd81c80', /tag 28/],
    ['a reference', 'd81d00', /tag 29/],
    ['a record definition', 'd9dfff831940008061', /tag 57343/],
    ['a tag inside', '81d24100', /tag 18 inside an item at byte 1/],
    ['a tag on a key', 'a1c2410001', /map key of the wrong type/],
    ['a float16', 'f93c00', /float/],
    ['a float32', 'fa3f800000', /float/],
    ['a float64', 'fb3ff0000000000000', /float/],
    ['undefined', 'f7', /undefined/],
    ['a simple value', 'e0', /simple/],
    ['a two-byte simple value', 'f820', /simple/],
    ['a number in long form', '1817', /shortest form/],
    ['a 16-bit number in long form', '1900ff', /shortest form/],
    ['a 32-bit number in long form', '1a0000ffff', /shortest form/],
    ['a 64-bit number in long form', '1b00000000ffffffff', /shortest form/],
    ['a text length in long form', '780161', /shortest form/],
    ['a byte length in long form', '580100', /shortest form/],
    ['an array length in long form', '980100', /shortest form/],
    ['a map length in long form', 'b801616100', /shortest form/],
    ['a number past 2^53-1', '1b0020000000000000', /2\^53-1/],
    ['a negative number past 2^53-1', '3b001fffffffffffff', /2\^53-1/],
    ['a byte string longer than the input', '4200', /longer than the input/],
    ['a huge byte string', '5b000fffffffffffff', /longer than the input/],
    ['a huge array', '9b000fffffffffffff', /longer than the input/],
    ['an array of 2^32 items', '9affffffff', /longer than the input/],
    ['a huge map', 'bb000fffffffffffff', /map keys/],
    ['a text that is not UTF-8', '61ff', /UTF-8.* byte 0/],
    ['an overlong text', '62c080', /UTF-8/],
    ['a surrogate in text', '63eda080', /UTF-8/],
    ['a key that is not UTF-8', 'a161ff00', /UTF-8/],
    ['a duplicate key', 'a26161016161' + '02', /second time at byte 4/],
    ['a duplicate key deep down', '81a26161016161' + '02', /second time/],
    ['a bytes key', 'a1416100', /map key of the wrong type/],
    ['an array key', 'a18000', /map key of the wrong type/],
    ['an integer key', 'a10100', /map key of the wrong type/],
    ['the prototype as a key', 'a1695f5f70726f746f5f5f00', /__proto__/],
  ];
  for (const [name, hex, says] of cases) t.match(defectOf(fromHex(hex)), says, name);
});

await t.test('depth, items and keys are bounded', async (t) => {
  const nested = (depth: number) => new Uint8Array([...new Array<number>(depth).fill(0x81), 0]);
  t.equal(defectOf(nested(MAX_DEPTH)), 'none');
  t.match(defectOf(nested(MAX_DEPTH + 1)), /deeper than 16/);
  t.match(defectOf(new Uint8Array(1_000_000).fill(0x81)), /deeper than 16/);
  t.equal(defectOf(encode([1, 2, 3]), { maxItems: 4 }), 'none');
  t.match(defectOf(encode([1, 2, 3]), { maxItems: 3 }), /more than 3 items/);
  t.equal(defectOf(encode({ a: 1, b: 2 }), { maxMapKeys: 2 }), 'none');
  t.match(defectOf(encode({ a: 1, b: 2 }), { maxMapKeys: 1 }), /more than 1 map keys/);
});

await t.test('tags pass only where named, and only outermost', async (t) => {
  const rules = { tags: [18, 98] };
  t.equal(defectOf(fromHex('d280'), rules), 'none');
  t.equal(defectOf(fromHex('d86280'), rules), 'none');
  t.match(defectOf(fromHex('d9001280'), rules), /shortest form/);
  t.match(defectOf(fromHex('d2d280'), rules), /tag 18 inside/);
  t.match(defectOf(fromHex('d903e680'), rules), /tag 998/);
  t.match(defectOf(fromHex('d2'), rules), /end of the input/);
});

await t.test('a key stands once in a map of any size', async (t) => {
  const key = (n: number) => `61${(0x30 + n).toString(16)}`;
  const map = (keys: readonly number[]) =>
    fromHex(`b8${keys.length.toString(16).padStart(2, '0')}${keys.map((n) => `${key(n)}00`).join('')}`);
  for (const size of [24, 25, 26, 27, 60]) {
    const keys = Array.from({ length: size }, (_, n) => n);
    t.equal(defectOf(map(keys)), 'none', `${size} keys`);
    for (const [first, second] of [
      [0, size - 1],
      [size - 2, size - 1],
      [0, 1],
      [22, 23],
    ] as const) {
      const twice = keys.map((n) => (n === second ? first : n));
      t.match(defectOf(map(twice)), /second time/, `${size} keys, ${first} again at ${second}`);
    }
  }
});

await t.test('labels may be integers or text, each once', async (t) => {
  const rules = { keys: 'labels' } as const;
  t.equal(defectOf(fromHex('a301000400613100'), rules), 'none', '1, 4 and "1"');
  t.match(defectOf(fromHex('a201000100'), rules), /second time/);
  t.match(defectOf(fromHex('a1f500'), rules), /wrong type/);
});

await t.test('the cost grows with the size, not faster', async (t) => {
  const bytes = new Uint8Array(3 + 6 * 50_000);
  bytes.set([0xb9, 0xc3, 0x50]);
  for (let i = 0; i < 50_000; i += 1) {
    bytes.set([0x64, ...utf8(i.toString(36).padStart(4, '0')), 0], 3 + 6 * i);
  }
  t.equal(defectOf(bytes, WIDE), 'none', 'fifty thousand keys');
  const bignum = new Uint8Array(8 * 1024 * 1024 + 6);
  bignum.set([0xc2, 0x5a, 0x00, 0x80, 0x00, 0x00]);
  t.match(defectOf(bignum), /tag 2/, 'eight MiB of bignum');
});
