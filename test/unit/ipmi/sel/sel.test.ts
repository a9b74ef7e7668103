import fc from 'fast-check';
import t from 'tap';
import { NsError } from '../../../../src/base/index.ts';
import { decodeSelRecord, encodeSelEvent } from '../../../../src/ipmi/sel/decode.ts';
import { readLog } from '../../../../src/ipmi/sel/read-log.ts';
import { CannedCarrier, hex } from '../../../kit/canned-carrier.ts';

const never = new AbortController().signal;

void t.test('events are told in the words of the specification', async (t) => {
  const rows: [string, string, object][] = [
    // A record of the log of ipmi_sim, as ipmitool reads it: "Upper Critical going high".
    [
      '01 00 02 00 00 00 50 20 00 04 01 10 01 59 55 50',
      'Temperature: upper critical going high',
      { reading: 0x55, threshold: 0x50, asserted: true, time: { since: 'clock' } },
    ],
    [
      '02 00 02 05 00 00 00 20 00 04 14 11 6f 00 ff ff',
      'Button: power button pressed',
      { time: { seconds: 5, since: 'start' }, reading: undefined },
    ],
    [
      '03 00 02 ff ff ff ff 41 00 04 22 12 6f 05 ff ff',
      'System ACPI Power State: S5/G2: soft-off',
      {
        time: { since: 'unknown' },
        generator: { is: 'software', id: 0x20 },
      },
    ],
    [
      '04 00 02 00 00 00 50 22 31 04 08 13 ef 03 ff ff',
      'Power Supply: power supply input lost (AC/DC)',
      {
        asserted: false,
        generator: { is: 'controller', id: 0x22, channel: 3, lun: 1 },
      },
    ],
    ['05 00 02 00 00 00 50 20 00 04 04 13 0b 01 ff ff', 'Fan: redundancy lost', {}],
    ['06 00 02 00 00 00 50 20 00 04 d3 13 7e 0a ff ff', 'sensor type D3h: state 10', {}],
  ];
  for (const [bytes, sentence, more] of rows)
    t.match(decodeSelRecord(hex(bytes)), { is: 'event', sentence, ...more });
});

void t.test('records of a maker are kept as they are', async (t) => {
  t.match(decodeSelRecord(hex('07 00 c1 00 00 00 50 57 01 00 01 02 03 04 05 06')), {
    is: 'oem-timed',
    type: 0xc1,
    manufacturer: 0x157,
    data: hex('010203040506'),
  });
  t.match(decodeSelRecord(hex('08 00 e0 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d')), {
    is: 'oem',
    type: 0xe0,
    data: hex('0102030405060708090a0b0c0d'),
  });
});

void t.test('an event is read back as it was written; any record has a meaning', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      bytes[2] = 2;
      bytes[8] = bytes[8]! & 0xf3;
      bytes[9] = 4;
      const event = decodeSelRecord(bytes);
      if (event.is !== 'event') return false;
      return Buffer.compare(encodeSelEvent({ ...event, seconds: event.time.seconds }), bytes) === 0;
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      try {
        return decodeSelRecord(bytes).id >= 0;
      } catch (error) {
        return error instanceof NsError && error.family === 'peer' && bytes.length < 16;
      }
    }),
  );
});

void t.test('a log is read in its order, and one that goes round in a circle ends', async (t) => {
  const record = '00 00 02 00 00 00 50 20 00 04 01 10 01 59 55 50';
  const nexts = ['02 00', '03 00', 'ff ff'];
  const log = await readLog(new CannedCarrier((_, n) => nexts[n - 1]! + record), never);
  t.equal(log.length, 3);
  await t.rejects(readLog(new CannedCarrier((_, n) => (n < 3 ? nexts[n - 1]! : '02 00') + record), never), {
    code: 'NS_IPMI_SEL',
  });
  t.same(await readLog(new CannedCarrier(() => [0xcb, new Uint8Array(0)]), never), []);
});
