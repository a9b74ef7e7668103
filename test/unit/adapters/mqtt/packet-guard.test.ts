import fc from 'fast-check';
import t from 'tap';
import { PacketGuard } from '../../../../src/adapters/mqtt/packet-guard.ts';

/** A packet with a body of this many bytes, its length field in the shortest form. */
function packet(length: number): Uint8Array {
  const field: number[] = [];
  for (let left = length; ; left = Math.floor(left / 128)) {
    field.push((left % 128) | (left >= 128 ? 0x80 : 0));
    if (left < 128) break;
  }
  return Uint8Array.of(0x30, ...field, ...new Uint8Array(length).fill(0xff));
}

function judge(bytes: Uint8Array, limit: number, sizes: readonly number[]): boolean {
  const guard = new PacketGuard(limit);
  for (let at = 0, i = 0; at < bytes.byteLength; i += 1) {
    const size = Math.max(1, sizes[i % Math.max(1, sizes.length)] ?? 1);
    if (!guard.accepts(bytes.subarray(at, at + size))) return false;
    at += size;
  }
  return true;
}

await t.test('a packet at the limit passes, one byte more does not', async (t) => {
  t.ok(judge(packet(1000), 1000, [7]));
  t.notOk(judge(packet(1001), 1000, [7]));
  t.ok(judge(packet(0), 0, [1]));
});

await t.test('packets are told apart however the stream is cut', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(400), { minLength: 1, maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      fc.nat(400),
      (lengths, cuts, limit) => {
        const bytes = Buffer.concat(lengths.map((length) => packet(length)));
        return judge(bytes, limit, cuts) === lengths.every((length) => length <= limit);
      },
    ),
  );
});

await t.test('a length field of five bytes is refused, and a huge one before its body', async (t) => {
  t.notOk(judge(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01), 2 ** 30, [1]));
  t.notOk(judge(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f), 1_000_000, [5]));
});
