import fc from 'fast-check';
import t from 'tap';
import { crc16Xmodem, GiB, utf8 } from '../../../../src/base/index.ts';
import { decodeSpd } from '../../../../src/tasks/memory-check/decode-spd.ts';

/** As JESD400-5 lays it out: 16 Gb dies, x8, two sub-channels of 32 bits, one rank; some bytes otherwise. */
function spd(fields: Readonly<Record<number, number>> = {}): Uint8Array {
  const bytes = new Uint8Array(1024);
  bytes.set([0x30, 0x10, 0x12, 0x02, 0x04, 0x00, 0x20]);
  bytes[234] = 0x00;
  bytes[235] = 0x22;
  bytes.set([0xde, 0xad, 0xbe, 0xef], 517);
  bytes.set(utf8('NS-DDR5-1'.padEnd(30)), 521);
  for (const [at, value] of Object.entries(fields)) bytes[Number(at)] = value;
  const crc = crc16Xmodem(bytes.subarray(0, 510));
  bytes.set([crc & 255, crc >> 8], 510);
  return bytes;
}

const size = (fields: Readonly<Record<number, number>>) => {
  const reading = decodeSpd(spd(fields));
  return reading.is === 'module' ? reading.facts.bytes : reading.is;
};

await t.test('type, size, part number and serial are told', (t) => {
  t.same(decodeSpd(spd()), {
    is: 'module',
    facts: {
      type: 'DDR5 SDRAM',
      crcErrors: [],
      bytes: 16 * GiB,
      partNumber: 'NS-DDR5-1',
      serial: 'deadbeef',
    },
  });
  t.end();
});

await t.test('sizes follow the formula of the standard, and what it leaves open has none', (t) => {
  t.equal(size({ 234: 0x08 }), 32 * GiB, 'two package ranks');
  t.equal(size({ 235: 0x2a }), 16 * GiB, 'ECC is not counted');
  t.equal(size({ 4: 0x05, 234: 0x08 }), 48 * GiB, '24 Gb dies');
  t.equal(size({ 4: 0x64, 6: 0x00, 234: 0x08, 235: 0x32 }), 256 * GiB, 'x4, stacks of four dies');
  t.equal(size({ 6: 0x40, 234: 0x00 }), 8 * GiB, 'x16');
  t.equal(size({ 235: 0x02 }), 8 * GiB, 'one sub-channel');
  t.equal(size({ 4: 0x24 }), undefined, 'two dies that are no stack');
  t.equal(size({ 234: 0x40 }), undefined, 'ranks that differ');
  t.equal(size({ 4: 0x1f }), undefined);
  t.equal(size({ 6: 0xe0 }), undefined);
  t.end();
});

await t.test('one flipped bit anywhere under the CRC is seen', (t) => {
  const whole = spd();
  for (let at = 0; at < 512; at += 1) {
    if (at === 2) continue;
    const bytes = Uint8Array.from(whole);
    bytes[at]! ^= 0x10;
    const reading = decodeSpd(bytes);
    t.same(reading.is === 'module' && reading.facts.crcErrors, ['configuration'], `byte ${at}`);
  }
  t.end();
});

await t.test('too short, too long, and half of it', (t) => {
  const whole = spd();
  t.match(decodeSpd(whole.subarray(0, 511)), { is: 'damaged', why: /too few/ });
  t.match(decodeSpd(Buffer.concat([whole, whole])), { is: 'damaged', why: /too many/ });
  t.match(decodeSpd(whole.subarray(0, 512)), {
    is: 'module',
    facts: { bytes: 16 * GiB, serial: undefined, partNumber: undefined },
  });
  t.match(decodeSpd(spd({ 521: 7 })), { facts: { partNumber: undefined } }, 'no text');
  t.end();
});

await t.test('no bytes are more than a module, another kind, or damage', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1100 }), fc.constantFrom(0x12, 0x0c, 0x0b, 0), (bytes, key) => {
      if (bytes.byteLength > 2) bytes[2] = key;
      const reading = decodeSpd(bytes);
      if (reading.is !== 'module') return true;
      const { bytes: capacity, partNumber = '' } = reading.facts;
      return (
        (capacity === undefined || Number.isSafeInteger(capacity)) && /^[\x20-\x7e]{0,30}$/.test(partNumber)
      );
    }),
    { numRuns: 500 },
  );
  t.end();
});
