import fc from 'fast-check';
import t from 'tap';
import { THRESHOLDS } from '../../../../src/ipmi/commands/sensor-thresholds.ts';
import { decodeSdr } from '../../../../src/ipmi/sdr/decode.ts';
import { encodeSdr } from '../../../../src/ipmi/sdr/encode.ts';
import { MC_CAPABILITIES } from '../../../../src/ipmi/sdr/record.ts';

const byte = fc.nat(0xff);
const entity = fc.record({ id: byte, instance: fc.nat(0x7f), logical: fc.boolean() });
const name = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 16,
});
const record = fc.integer({ min: 1, max: 0xfffe });
const sensor = {
  record,
  owner: byte,
  channel: fc.nat(15),
  lun: fc.nat(3),
  number: byte,
  entity,
  sensorType: byte,
  name,
};
const sharing = fc.record({
  count: fc.integer({ min: 1, max: 15 }),
  first: fc.nat(0x7f),
  letters: fc.boolean(),
  instancesCountToo: fc.boolean(),
});
const unit = fc.constantFrom('', '%', 'degrees C', 'Volts', 'RPM', 'Watts', 'bit per second', '% Volts');
const told = fc.option(byte, { nil: undefined });
const thresholds = fc.subarray([...THRESHOLDS]);
const accuracy = fc
  .tuple(fc.nat(1023), fc.nat(3))
  .map(([digits, exponent]) => (digits / 100) * 10 ** exponent);
const factors = fc.record({
  m: fc.integer({ min: -512, max: 511 }),
  b: fc.integer({ min: -512, max: 511 }),
  bExponent: fc.integer({ min: -8, max: 7 }),
  resultExponent: fc.integer({ min: -8, max: 7 }),
  tolerance: fc.nat(63).map((half) => half / 2),
  accuracy,
});
const any = fc.oneof(
  fc.record({
    is: fc.constant('full' as const),
    ...sensor,
    eventType: fc.constant(1),
    unit,
    format: fc.constantFrom(
      'unsigned' as const,
      'ones-complement' as const,
      'twos-complement' as const,
      'none' as const,
    ),
    linearisation: fc.nat(0x7f),
    factors,
    nominal: told,
    normalMost: told,
    normalLeast: told,
    most: byte,
    least: byte,
    readable: thresholds,
    settable: thresholds,
    hysteresis: fc.record({ positive: byte, negative: byte }),
  }),
  fc.record({ is: fc.constant('compact' as const), ...sensor, eventType: fc.nat(0x7f), unit, sharing }),
  fc.record({ is: fc.constant('event-only' as const), ...sensor, eventType: fc.nat(0x7f), sharing }),
  fc.record({
    is: fc.constant('mc-locator' as const),
    record,
    address: byte,
    channel: fc.nat(15),
    capabilities: fc.subarray([...MC_CAPABILITIES]),
    entity,
    name,
  }),
  fc.record({
    is: fc.constant('fru-locator' as const),
    record,
    address: byte,
    device: byte,
    logical: fc.boolean(),
    lun: fc.nat(3),
    bus: fc.nat(7),
    channel: fc.nat(15),
    deviceType: byte,
    modifier: byte,
    entity,
    name,
  }),
);

void t.test('a record is read back as it was written', async () => {
  fc.assert(
    fc.property(any, (wanted) => {
      const bytes = encodeSdr(wanted);
      if (bytes[4] !== bytes.byteLength - 5) throw new Error('the length is wrong');
      const found = decodeSdr(bytes);
      // Factors are compared as numbers: 1.02 may be 1.0199999999999998 on either side.
      const text = (value: unknown) =>
        JSON.stringify(value, (_, v: unknown) => (typeof v === 'number' ? Number(v.toFixed(6)) : v));
      if (text(deep(found)) !== text(deep(wanted))) throw new Error(`${text(found)}\n${text(wanted)}`);
    }),
    { numRuns: 1000 },
  );
});

/** Keys in one order, all the way down. */
function deep(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]: [string, unknown]) => [
        key,
        each !== null && typeof each === 'object' && !Array.isArray(each) ? deep(each) : each,
      ]),
  );
}

void t.test('what has no place in a record is refused', async (t) => {
  const code = 'NS_IPMI_ARGUMENT';
  const wanted = {
    is: 'compact',
    record: 1,
    owner: 0x20,
    channel: 0,
    lun: 0,
    number: 1,
    entity: { id: 7, instance: 1, logical: false },
    sensorType: 1,
    eventType: 3,
    name: 'x',
    unit: '',
    sharing: { count: 1, first: 0, letters: false, instancesCountToo: false },
  } as const;
  t.throws(() => encodeSdr({ ...wanted, name: 'x'.repeat(17) }), { code });
  t.throws(() => encodeSdr({ ...wanted, name: '日' }), { code });
  t.throws(() => encodeSdr({ ...wanted, unit: 'cubits' }), { code });
});
