import t from 'tap';
import { makeSpd } from '../../../../src/adapters/sim/spd.ts';
import { crc16Xmodem, GiB, MiB } from '../../../../src/base/index.ts';
import { decodeSpd } from '../../../../src/tasks/memory-check/decode-spd.ts';

/** A base block as the standard's own fields say, with its CRC made right. */
function spd(fields: Readonly<Record<number, number>>): Uint8Array {
  const bytes = makeSpd({ slot: 'X', size: GiB });
  for (const [at, value] of Object.entries(fields)) bytes[Number(at)] = value;
  const crc = crc16Xmodem(bytes.subarray(0, 126));
  bytes[126] = crc & 255;
  bytes[127] = crc >> 8;
  return bytes;
}

await t.test('type, size, part number and serial are told', async (t) => {
  t.match(decodeSpd(makeSpd({ slot: 'A1', size: 2 * GiB })), {
    is: 'module',
    facts: {
      type: 'DDR4 SDRAM',
      crcErrors: [],
      bytes: 2 * GiB,
      partNumber: 'NS-SIM-A1',
      serial: /^4e53[0-9a-f]{4}$/,
    },
  });
});

await t.test('sizes follow the formula of the standard', async (t) => {
  const size = (fields: Readonly<Record<number, number>>) => {
    const reading = decodeSpd(spd(fields));
    return reading.is === 'module' ? reading.facts.bytes : reading.is;
  };
  t.equal(size({ 4: 0x84, 6: 0, 12: 0x01, 13: 0x03 }), 4 * GiB, '8 devices of 4 Gb');
  t.equal(size({ 4: 0x85, 6: 0, 12: 0x09, 13: 0x0b }), 16 * GiB, 'two ranks of 8 Gb, ECC not counted');
  t.equal(size({ 4: 0x85, 6: 0, 12: 0x00, 13: 0x03 }), 16 * GiB, 'devices of 4 bits');
  t.equal(
    size({ 4: 0x85, 6: 0xb2, 12: 0x08, 13: 0x0b }),
    128 * GiB,
    'a 3DS stack of four dies, two package ranks',
  );
  t.equal(size({ 4: 0x85, 6: 0x91, 12: 0x01, 13: 0x03 }), 8 * GiB, 'dies that are no ranks of their own');
  t.equal(size({ 4: 0x80, 12: 0x03, 13: 0x03 }), 64 * MiB);
  t.equal(size({ 4: 0x8f }), undefined, 'a density that the standard reserves');
  t.equal(size({ 12: 0x07 }), undefined);
});

await t.test('one flipped bit anywhere under a CRC is seen', async (t) => {
  for (let at = 0; at < 256; at += 1) {
    if (at === 2) continue;
    const bytes = makeSpd({ slot: 'A1', size: GiB });
    bytes[at]! ^= 1 << (at % 8);
    const reading = decodeSpd(bytes);
    const expected = at < 128 ? ['base'] : ['module'];
    t.same(reading.is === 'module' && reading.facts.crcErrors, expected, `byte ${at}`);
  }
});

await t.test('what is too short, too long or no SPD is damaged; other kinds are named', async (t) => {
  const whole = makeSpd({ slot: 'A1', size: GiB });
  t.match(decodeSpd(whole.subarray(0, 256)), {
    is: 'module',
    facts: { partNumber: undefined, serial: undefined },
  });
  t.match(decodeSpd(whole.subarray(0, 255)), { is: 'damaged', why: /too few/ });
  t.match(decodeSpd(Buffer.concat([whole, new Uint8Array(1)])), { is: 'damaged', why: /too many/ });
  t.match(decodeSpd(new Uint8Array(512)), { is: 'damaged', why: /0x00/ });
  t.match(decodeSpd(new Uint8Array(512).fill(0xff)), { is: 'damaged', why: /0xff/ });
  t.same(decodeSpd(spd({ 2: 11 })), { is: 'other', type: 'DDR3 SDRAM' });
});
