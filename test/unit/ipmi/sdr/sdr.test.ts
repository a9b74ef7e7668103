import fc from 'fast-check';
import t from 'tap';
import { NsError } from '../../../../src/base/index.ts';
import { convert, unconvert } from '../../../../src/ipmi/sdr/convert.ts';
import { decodeSdr } from '../../../../src/ipmi/sdr/decode.ts';
import { readRepository } from '../../../../src/ipmi/sdr/read-repository.ts';
import { decodeReading } from '../../../../src/ipmi/sdr/reading.ts';
import type { FullSensor } from '../../../../src/ipmi/sdr/record.ts';
import { sensorsOf } from '../../../../src/ipmi/sdr/shared.ts';
import { unitOf } from '../../../../src/ipmi/sdr/unit.ts';
import { decodeBcdPlus, decodeSixBit } from '../../../../src/ipmi/wire/type-length.ts';
import { type CannedAnswer, CannedCarrier, hex } from '../../../kit/canned-carrier.ts';

const never = new AbortController().signal;
const NONE = new Uint8Array(0);
const ascii = (text: string): string => (0xc0 | text.length).toString(16) + Buffer.from(text).toString('hex');
/** The length is filled in. */
function sdr(id: number, type: number, body: string): Uint8Array {
  const data = hex(body);
  return Uint8Array.from([id & 0xff, id >> 8, 0x51, type, data.length, ...data]);
}

const VOLTS =
  '20 00 30 07 01 7f 68 02 01 00 00 00 00 1b 1b 00 04 00 00 31 00 00 00 00 e0 07 b4 dc aa ff 00 00 d0 c8 00 90 98 02 02 00 00 00';
const volts = sdr(3, 1, VOLTS + ascii('+5V'));

void t.test('a full record tells sensor, unit, factors, limits and name', async (t) => {
  const record = decodeSdr(volts);
  t.match(record, {
    is: 'full',
    record: 3,
    owner: 0x20,
    lun: 0,
    number: 0x30,
    entity: { id: 7, instance: 1, logical: false },
    sensorType: 2,
    eventType: 1,
    unit: 'Volts',
    format: 'unsigned',
    linearisation: 0,
    factors: { m: 0x31, b: 0, bExponent: 0, resultExponent: -2 },
    nominal: 0xb4,
    normalMost: 0xdc,
    normalLeast: 0xaa,
    most: 0xff,
    readable: ['lowerNonCritical', 'lowerCritical', 'upperNonCritical', 'upperCritical'],
    hysteresis: { positive: 2, negative: 2 },
    name: '+5V',
  });
});

void t.test('compact, event-only, locator, OEM and unknown records are told apart', async (t) => {
  const body = '20 01 40 0a 81 00 00 0d 6f 00 00 00 00 00 00 c0 00 00 03 81 00 00 00 00 00 00';
  const compact = decodeSdr(sdr(4, 2, body + ascii('Bay')));
  t.match(compact, {
    is: 'compact',
    lun: 1,
    number: 0x40,
    entity: { instance: 1, logical: true },
    sensorType: 13,
    sharing: { count: 3, first: 1, letters: false, instancesCountToo: true },
    name: 'Bay',
  });
  t.match(
    sensorsOf([compact]).map((s) => [s.name, s.number, s.entity.instance]),
    [
      ['Bay1', 0x40, 1],
      ['Bay2', 0x41, 2],
      ['Bay3', 0x42, 3],
    ],
  );
  const event = decodeSdr(sdr(5, 3, `20 00 50 07 01 12 6f 13 19 00 00 ${ascii('Ev')}`));
  t.match(event, { is: 'event-only', sensorType: 0x12, eventType: 0x6f });
  t.same(
    sensorsOf([event]).map((s) => s.name),
    ['EvZ', 'EvAA', 'EvAB'],
  );
  t.match(decodeSdr(sdr(6, 0x12, `20 00 00 8f 00 00 00 07 01 00 ${ascii('Nightshift')}`)), {
    is: 'mc-locator',
    address: 0x20,
    capabilities: ['sensor', 'sdr-repository', 'sel', 'fru-inventory', 'chassis'],
    name: 'Nightshift',
  });
  t.match(decodeSdr(sdr(7, 0x11, `20 00 80 00 00 10 00 07 01 00 ${ascii('Board')}`)), {
    is: 'fru-locator',
    logical: true,
    device: 0,
    deviceType: 0x10,
    name: 'Board',
  });
  t.match(decodeSdr(sdr(8, 0xc0, '57 01 00 09 08')), { is: 'oem', manufacturer: 0x157, data: hex('0908') });
  t.match(decodeSdr(sdr(9, 0x08, '01 02')), { is: 'other', type: 8, data: hex('0102') });
});

void t.test('a cut record is damaged, and never more than that', async (t) => {
  for (let size = 5; size < 48; size += 1) t.equal(decodeSdr(volts.subarray(0, size)).is, 'damaged');
  t.match(decodeSdr(volts.subarray(0, 49)), { is: 'full', name: '+' });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.constantFrom(1, 2, 3, 0x11, 0x12, 0xc0),
      (bytes, type) => {
        if (bytes.length > 3) bytes[3] = type;
        try {
          return sensorsOf([decodeSdr(bytes)]).length <= 15;
        } catch (error) {
          return error instanceof NsError && error.family === 'peer' && bytes.length < 4;
        }
      },
    ),
    { numRuns: 2000 },
  );
});

void t.test("the specification's example of packed texts", async (t) => {
  t.equal(decodeSixBit(hex('29 dc a6')), 'IPMI');
  t.equal(decodeBcdPlus(hex('12 3a bc')), '123 -.');
});

void t.test('raw values are converted by format, factors and formula', async (t) => {
  const factors = { m: 1, b: 0, bExponent: 0, resultExponent: 0, tolerance: 0, accuracy: 0 };
  const sensor = { format: 'unsigned' as FullSensor['format'], linearisation: 0, factors };
  const rows: [Partial<typeof sensor>, Partial<typeof factors>, number, number | undefined][] = [
    [{}, { m: 0x31, resultExponent: -3 }, 104, 5.096],
    [{}, { m: 1, b: -100, bExponent: 0 }, 30, -70],
    [{}, { m: 2, b: 5, bExponent: 2, resultExponent: 1 }, 10, 5200],
    [{}, { m: 100 }, 55, 5500],
    [{}, { m: -1, b: 13, bExponent: 1, resultExponent: -1 }, 33, 9.7],
    [{ format: 'twos-complement' }, {}, 0xff, -1],
    [{ format: 'twos-complement' }, {}, 0x80, -128],
    [{ format: 'ones-complement' }, {}, 0xfe, -1],
    [{ format: 'ones-complement' }, {}, 0xff, 0],
    [{ format: 'none' }, {}, 7, undefined],
    [{ linearisation: 2 }, {}, 100, 2],
    [{ linearisation: 2 }, {}, 0, undefined],
    [{ linearisation: 6 }, {}, 10, 1024],
    [{ linearisation: 7 }, {}, 4, 0.25],
    [{ linearisation: 8 }, {}, 12, 144],
    [{ linearisation: 9 }, {}, 3, 27],
    [{ linearisation: 10 }, {}, 81, 9],
    [{ linearisation: 11 }, {}, 27, 3],
    [{ linearisation: 0x0c }, {}, 1, undefined],
    [{ linearisation: 0x70 }, { m: 3 }, 2, 6],
  ];
  for (const [how, by, raw, value] of rows)
    t.equal(convert({ ...sensor, ...how, factors: { ...factors, ...by } }, raw), value);
});

void t.test('a threshold goes to the raw value that reads back as it', async () => {
  fc.assert(
    fc.property(
      fc.record({
        format: fc.constantFrom('unsigned' as const, 'ones-complement' as const, 'twos-complement' as const),
        m: fc.integer({ min: -512, max: 511 }).filter((m) => m !== 0),
        b: fc.integer({ min: -512, max: 511 }),
        bExponent: fc.integer({ min: -3, max: 3 }),
        resultExponent: fc.integer({ min: -8, max: 7 }),
        raw: fc.integer({ min: 0, max: 255 }),
      }),
      ({ format, raw, ...factors }) => {
        const sensor = { format, linearisation: 0, factors: { ...factors, tolerance: 0, accuracy: 0 } };
        const back = unconvert(sensor, convert(sensor, raw)!);
        // Ones' complement has two zeros.
        return back === raw || (format === 'ones-complement' && raw === 0xff && back === 0);
      },
    ),
  );
});

void t.test('units are told in words', async (t) => {
  t.equal(unitOf(0, 1, 0), 'degrees C');
  t.equal(unitOf(0, 0, 0), '');
  t.equal(unitOf(1, 0, 0), '%');
  t.equal(unitOf(0x18, 66, 0), 'bit per second');
  t.equal(unitOf(2, 6, 22), 'Watts/second');
  t.equal(unitOf(4, 16, 34), 'Newton*m');
  t.equal(unitOf(0, 200, 0), 'unit 200');
});

void t.test('a reading is a value, states, or none with its reason', async (t) => {
  const [sensor] = sensorsOf([decodeSdr(volts)]);
  const raw = { raw: 0xd4, eventsEnabled: true, scanning: true, unavailable: false, states: 0x18 };
  t.match(decodeReading(sensor!, raw), {
    is: 'value',
    value: 103.88,
    unit: 'Volts',
    crossed: ['upperNonCritical', 'upperCritical'],
    severity: 'critical',
  });
  t.match(decodeReading(sensor!, { ...raw, unavailable: true }), { is: 'none', why: 'unavailable' });
  t.match(decodeReading(sensor!, { ...raw, scanning: false }), { is: 'none', why: 'scanning-off' });
  const body = '20 00 40 0a 01 00 00 0d 6f 00 00 00 00 00 00 c0 00 00 00 00 00 00 00 00 00 00';
  const [bay] = sensorsOf([decodeSdr(sdr(4, 2, body + ascii('Bay')))]);
  t.match(decodeReading(bay!, { ...raw, states: 0x4003 }), {
    is: 'states',
    states: ['drive present', 'drive fault', 'state 14'],
    severity: 'ok',
  });
});

/** A repository of these records that gives at most so many bytes at once, and loses its reservation when told to. */
function repository(
  records: readonly Uint8Array[],
  most = 255,
  loses: (count: number) => boolean = () => false,
) {
  let reservation = 0;
  let valid = false;
  let changedId: number | undefined;
  const carrier = new CannedCarrier(({ command, data }, count): CannedAnswer => {
    if (command === 0x20)
      return [0, Uint8Array.of(0x51, records.length, ...new Array<number>(11).fill(0), 2)];
    if (command === 0x22) {
      reservation += 1;
      valid = true;
      return [0, Uint8Array.of(reservation, 0)];
    }
    if (loses(count)) valid = false;
    if (!valid || data[0] !== reservation) return [0xc5, NONE];
    const index = data[2] === 0 ? 0 : records.findIndex((each) => each[0] === data[2]);
    const record = records[index];
    if (record === undefined) return [0xcb, NONE];
    const [offset, size] = [data[4]!, data[5]!];
    if (size > most) return [0xca, NONE];
    const next = changedId ?? records[index + 1]?.[0];
    return [
      0,
      Uint8Array.of(
        ...(next === undefined ? [0xff, 0xff] : [next, 0]),
        ...record.subarray(offset, offset + size),
      ),
    ];
  });
  return {
    carrier,
    circle: (id: number) => {
      changedId = id;
    },
  };
}

const several = [volts, sdr(5, 0x08, '01 02'), sdr(9, 0xc0, '57 01 00')];

void t.test('a repository is read whole, with pieces as small as the BMC needs', async (t) => {
  for (const most of [255, 20, 4]) {
    const { carrier } = repository(several, most);
    const { records } = await readRepository(carrier, never);
    t.match(records, [{ is: 'full', name: '+5V' }, { is: 'other' }, { is: 'oem' }]);
    t.ok(carrier.asked.length < 40, 'the smaller size is kept');
  }
  t.same((await readRepository(repository([]).carrier, never)).records, []);
});

void t.test('a reservation that gets lost is renewed, but not for ever', async (t) => {
  const { carrier } = repository(several, 20, (count) => count % 7 === 0);
  t.match((await readRepository(carrier, never)).records, [{ is: 'full', name: '+5V' }, {}, {}]);
  const busy = repository(several, 20, () => true);
  await t.rejects(readRepository(busy.carrier, never), { code: 'NS_IPMI_COMPLETION', completion: 0xc5 });
  t.ok(busy.carrier.asked.length < 50);
});

void t.test('records that go round in a circle end', async (t) => {
  const { carrier, circle } = repository(several);
  circle(5);
  await t.rejects(readRepository(carrier, never), { code: 'NS_IPMI_SDR', message: /comes twice/ });
});

void t.test('a BMC that sends junk for records gets one clear error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.uint8Array({ maxLength: 40 })), async (junk) => {
      const carrier = new CannedCarrier(() => [0, junk.next().value ?? NONE]);
      try {
        await readRepository(carrier, never);
        return true;
      } catch (error) {
        return error instanceof NsError && error.family === 'peer';
      }
    }),
    { numRuns: 300 },
  );
});
