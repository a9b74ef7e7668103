import fc from 'fast-check';
import t from 'tap';
import { fromHex, toHex, utf8 } from '../../../../src/base/index.ts';
import { decodeSol, encodeSol, SOL_NACK, SOL_STATUS } from '../../../../src/ipmi/sol/packet.ts';

const NONE = new Uint8Array(0);

void t.test('packets are as they are seen between ipmitool and ipmi_sim', (t) => {
  const typed = { number: 1, acked: 0, accepted: 0, flags: 0, characters: utf8('hi\r') };
  t.equal(toHex(encodeSol(typed)), '0100000068690d');
  t.same(decodeSol(fromHex('00010300')), { number: 0, acked: 1, accepted: 3, flags: 0, characters: NONE });
  t.same(decodeSol(fromHex('00020170')), {
    number: 0,
    acked: 2,
    accepted: 1,
    flags: SOL_NACK | SOL_STATUS.unavailable | SOL_STATUS.deactivating,
    characters: NONE,
  });
  t.end();
});

void t.test('a cut header, characters without a number and too many are refused', (t) => {
  for (let size = 0; size < 4; size += 1) {
    t.throws(() => decodeSol(new Uint8Array(size)), { code: 'NS_BYTES_SHORT' });
  }
  t.throws(() => decodeSol(fromHex('0000000041')), { code: 'NS_IPMI_PAYLOAD' });
  t.throws(() => decodeSol(Uint8Array.of(1, 0, 0, 0, ...new Uint8Array(256))), { code: 'NS_IPMI_PAYLOAD' });
  t.equal(decodeSol(Uint8Array.of(1, 0, 0, 0, ...new Uint8Array(255))).characters.byteLength, 255);
  t.end();
});

void t.test('every packet comes back as it was, and reserved bits are passed over', (t) => {
  const nibble = fc.integer({ min: 0, max: 15 });
  const byte = fc.integer({ min: 0, max: 255 });
  const packet = fc.record({
    number: fc.integer({ min: 1, max: 15 }),
    acked: nibble,
    accepted: byte,
    flags: byte,
    characters: fc.uint8Array({ maxLength: 255 }),
  });
  fc.assert(
    fc.property(packet, (packet) => {
      const bytes = encodeSol(packet);
      t.same(decodeSol(bytes), packet);
      bytes[0]! |= 0xf0;
      bytes[1]! |= 0xf0;
      t.same(decodeSol(bytes), packet);
    }),
    { numRuns: 50 },
  );
  t.end();
});
