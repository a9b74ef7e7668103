import fc from 'fast-check';
import t from 'tap';
import { concatBytes } from '../../../../src/base/index.ts';
import { SlipDecoder, slipEncode } from '../../../../src/sata-chain/index.ts';

/** Bytes in which the ones that need escaping are common. */
const content = (max: number) =>
  fc
    .uint8Array({ minLength: 1, maxLength: max })
    .chain((bytes) =>
      fc
        .uint8Array({ minLength: bytes.length, maxLength: bytes.length, max: 7 })
        .map((marks) => bytes.map((byte, i) => [0xc0, 0xdb, 0xdc, 0xdd][marks[i]!] ?? byte)),
    );

function decode(stream: Uint8Array, cuts: readonly number[], largest: number) {
  const packets: Uint8Array[] = [];
  const decoder = new SlipDecoder(largest, (packet) => packets.push(packet));
  let from = 0;
  for (const cut of [...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b)) {
    decoder.feed(stream.subarray(from, cut));
    from = cut;
  }
  return { packets, decoder };
}

await t.test('packets come out as they went in, however the stream is cut into chunks', async (t) => {
  fc.assert(
    fc.property(
      fc.array(content(40), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (sent, cuts) => {
        const { packets, decoder } = decode(concatBytes(...sent.map(slipEncode)), cuts, 40);
        t.equal(decoder.passedOver, 0);
        return packets.length === sent.length && packets.every((p, i) => Buffer.compare(p, sent[i]!) === 0);
      },
    ),
  );
});

await t.test('whatever came before, the next packet but one is found', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), content(40), (garbage, packet) => {
      const { packets } = decode(concatBytes(garbage, slipEncode(packet)), [], 40);
      return Buffer.compare(packets.at(-1) ?? new Uint8Array(), packet) === 0;
    }),
  );
  t.pass('shown by the property');
});

await t.test(
  'a packet may be as long as the limit, not longer, and costs no more memory than that',
  async (t) => {
    const exact = new Uint8Array(64).fill(0xc0);
    t.same(decode(slipEncode(exact), [], 64).packets, [exact]);
    const { packets, decoder } = decode(
      concatBytes(slipEncode(new Uint8Array(65)), slipEncode(exact)),
      [3],
      64,
    );
    t.same(packets, [exact]);
    t.equal(decoder.passedOver, 1);
  },
);

await t.test('a bad escape spoils its own packet only, and so does one that END cuts off', async (t) => {
  const good = slipEncode(Uint8Array.of(1, 2));
  for (const bad of [
    [0xc0, 5, 0xdb, 7, 6, 0xc0],
    [0xc0, 5, 0xdb, 0xc0],
  ]) {
    const { packets, decoder } = decode(concatBytes(Uint8Array.from(bad), good), [], 64);
    t.same(packets, [Uint8Array.of(1, 2)]);
    t.equal(decoder.passedOver, 1);
  }
});
