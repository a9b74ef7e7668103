import fc from 'fast-check';
import t from 'tap';
import { fromHex, toHex } from '../../../src/base/index.ts';
import { decode, decodeLabelled, encode } from '../../../src/protocol/index.ts';
import { wireValue } from '../../kit/cbor-values.ts';

const hex = (value: unknown) => toHex(encode(value));

await t.test('whole numbers take the shortest form (RFC 8949 appendix A)', async (t) => {
  const cases: readonly [number, string][] = [
    [0, '00'],
    [-0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_536, '1a00010000'],
    [0xffff_ffff, '1affffffff'],
    [2 ** 32, '1b0000000100000000'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-24, '37'],
    [-25, '3818'],
    [-1000, '3903e7'],
    [-(2 ** 32), '3affffffff'],
    [-(2 ** 32) - 1, '3b0000000100000000'],
  ];
  for (const [value, bytes] of cases) {
    t.equal(hex(value), bytes);
    t.equal(decode(fromHex(bytes)), Math.abs(value) === 0 ? 0 : value);
  }
});

await t.test('maps, bytes and text have their plain forms', async (t) => {
  t.equal(hex({ a: 1, b: [true, null] }), 'a26161016162' + '82f5f6');
  t.equal(hex({ gone: undefined }), 'a0');
  t.equal(hex(Uint8Array.from([1, 2])), '420102');
  t.equal(hex(Buffer.from([1, 2])), '420102');
  t.equal(hex('ü'), '62c3bc');
  t.equal(
    hex(
      new Map<number, unknown>([
        [1, -8],
        [4, Uint8Array.from([7])],
      ]),
    ),
    'a20127044107',
  );
});

await t.test('what goes in comes out', async (t) => {
  fc.assert(
    fc.property(wireValue, (value) => void t.strictSame(decode(encode(value)), value)),
    { numRuns: 300 },
  );
});

await t.test('a byte string comes out as a plain view, even of a large message', async (t) => {
  const data = Uint8Array.from({ length: 96 * 1024 }, (_, i) => i & 255);
  const out = decode(encode({ d: data })) as { d: Uint8Array };
  t.equal(Object.getPrototypeOf(out.d), Uint8Array.prototype);
  t.strictSame(out.d, data);
});

await t.test('integer labels stay apart from text ones', async (t) => {
  const map = new Map<unknown, unknown>([
    [1, 'number'],
    ['1', 'text'],
    [2 ** 40, new Map([[-1, 0]])],
  ]);
  t.strictSame(decodeLabelled(encode(map)), map);
});

await t.test('what the protocol has no form for is an error of the caller', async (t) => {
  class Odd {}
  const hostile = JSON.parse('{"__proto__": 1}') as unknown;
  const deep: unknown[] = [];
  deep.push(deep);
  for (const value of [
    1.5,
    Number.NaN,
    2 ** 53,
    undefined,
    new Date(0),
    new Odd(),
    () => 1,
    hostile,
    deep,
    2n ** 64n,
  ]) {
    t.throws(() => encode(value), { code: 'NS_CBOR_UNENCODABLE' });
  }
  t.throws(() => encode({ '\ud800': 1 }), { code: 'NS_CBOR_UNENCODABLE' }, 'a key that has no UTF-8 form');
});

await t.test('half a character at the end of cut text does not spoil the message', async (t) => {
  t.equal(decode(encode('😀'.slice(0, 1))), '\ufffd');
  t.equal(decode(encode('a😀')), 'a😀');
});

await t.test('bytes that are not CBOR are an error of the peer', async (t) => {
  for (const bytes of ['', '1901', '82', '1bffffffffffffffff', '0000']) {
    t.throws(() => decode(fromHex(bytes)), { code: 'NS_CBOR_INVALID' }, bytes);
  }
});
