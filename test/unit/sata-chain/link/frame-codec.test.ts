import fc from 'fast-check';
import t from 'tap';
import { decodePacket, encodePacket, type LinkPacket } from '../../../../src/sata-chain/index.ts';

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const packet: fc.Arbitrary<LinkPacket> = fc.record({
  kind: fc.constantFrom('hello', 'signal', 'fis', 'state', 'relay'),
  from: word,
  to: word,
  sequence: word,
  bytes: fc.uint8Array({ maxLength: 300 }),
});

await t.test('a packet is read as it was written', async (t) => {
  fc.assert(fc.property(packet, (sent) => void t.same(decodePacket(encodePacket(sent)), sent)));
});

await t.test('one flipped bit, a byte less or a byte more make it no packet', async (t) => {
  const whole = encodePacket({ kind: 'fis', from: 1, to: 2, sequence: 3, bytes: Uint8Array.of(9, 8, 7) });
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const bad = whole.slice();
    bad[bit >> 3]! ^= 1 << (bit & 7);
    t.equal(decodePacket(bad), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < whole.length; length += 1) {
    t.equal(decodePacket(whole.subarray(0, length)), undefined);
  }
  t.equal(decodePacket(Uint8Array.of(...whole, 0)), undefined);
});

await t.test(
  'its bytes are what the page says: version, kind, sessions, sequence, content, CRC-32C',
  async (t) => {
    const bytes = encodePacket({
      kind: 'signal',
      from: 0x01020304,
      to: 0x05060708,
      sequence: 9,
      bytes: Uint8Array.of(0xaa),
    });
    t.equal(Buffer.from(bytes.subarray(0, 15)).toString('hex'), '01010102030405060708' + '00000009' + 'aa');
    t.equal(bytes.length, 19);
  },
);

await t.test('another version or an unknown kind is no packet, though its CRC is right', async (t) => {
  const { crc32c } = await import('../../../../src/base/index.ts');
  const forged = (at: number, value: number): Uint8Array => {
    const bytes = encodePacket({ kind: 'hello', from: 1, to: 0, sequence: 1, bytes: new Uint8Array() });
    bytes[at] = value;
    new DataView(bytes.buffer).setUint32(14, crc32c(bytes.subarray(0, 14)));
    return bytes;
  };
  t.ok(decodePacket(forged(1, 4)));
  t.equal(decodePacket(forged(1, 5)), undefined);
  t.equal(decodePacket(forged(0, 2)), undefined);
});
