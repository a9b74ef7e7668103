import fc from 'fast-check';
import t from 'tap';
import { auditRecords, powerRecords } from '../../../../src/ipmi/bmc/sel-events.ts';
import { decodeSelRecord } from '../../../../src/ipmi/index.ts';
import type { PowerReading, PowerState } from '../../../../src/ports/index.ts';
import { hex } from '../../../kit/canned-carrier.ts';

const reading = (state: PowerState): PowerReading => ({
  state,
  certain: state !== 'unknown',
  sources: {},
  fusion: state === 'unknown' ? 'contradiction' : 'agreed',
});
const sentences = (records: readonly Uint8Array[]): string[] =>
  records.map((record) => {
    const event = decodeSelRecord(record);
    return event.is === 'event' ? `${event.asserted ? '' : 'not '}${event.sentence}` : event.is;
  });
const said = (event: string, detail = ''): string[] =>
  sentences(auditRecords({ at: 1, event, detail }, 0).map(({ record }) => record));

void t.test('a change of power is told as ACPI states, and as what the power unit did', async (t) => {
  const rows: [PowerState | undefined, PowerState, string[]][] = [
    [undefined, 'S5', ['System ACPI Power State: S5/G2: soft-off']],
    ['S5', 'S0', ['System ACPI Power State: S0/G0: working', 'not Power Unit: power off']],
    ['S0', 'S5', ['System ACPI Power State: S5/G2: soft-off', 'Power Unit: power off']],
    [
      'S0',
      'S3',
      ['System ACPI Power State: S3: sleeping, processor and hardware context lost, memory retained'],
    ],
    ['S5', 'G3', ['System ACPI Power State: G3: mechanical off', 'Power Unit: AC lost']],
    ['G3', 'S5', ['System ACPI Power State: S5/G2: soft-off', 'not Power Unit: AC lost']],
    ['S0', 'unknown', ['System ACPI Power State: unknown']],
    ['unknown', 'S5', ['System ACPI Power State: S5/G2: soft-off']],
    ['S0', 'S0', []],
  ];
  for (const [before, after, wanted] of rows)
    t.same(
      sentences(powerRecords(before && reading(before), reading(after))),
      wanted,
      `${before} to ${after}`,
    );
});

void t.test(
  'an audited order is a record with its verb, its outcome and the beginning of its id',
  async (t) => {
    const [only] = auditRecords(
      { at: 77, event: 'order.succeeded', detail: '1a2b3c4d file.delete disk0p2:/etc/motd' },
      0x1234,
    );
    t.match(only, { at: 77, passing: false });
    t.same(only?.record, hex('0000 c0 00000000 341200 11 05 1a2b3c4d'));
    const refused = auditRecords({ at: 1, event: 'order.refused', detail: '1a2b3c4d machine.disable X' }, 0);
    t.same(refused[0]?.record.subarray(10), hex('13 0c 1a2b3c4d'));
    t.equal(refused.length, 1, 'what was refused disables nothing');
    const odd = auditRecords({ at: 1, event: 'order.rejected', detail: 'an order CBOR_INVALID' }, 0);
    t.same(odd[0]?.record.subarray(10), hex('17 00 00000000'));
  },
);

void t.test('machine, sessions and locks have their events', async (t) => {
  t.same(said('order.succeeded', '1a2b3c4d machine.disable'), ['oem-timed', 'Chassis: device disabled']);
  t.same(said('order.succeeded', '1a2b3c4d machine.enable'), ['oem-timed', 'Chassis: device enabled']);
  t.same(said('bmc.login'), ['Session Audit: session activated']);
  t.same(said('bmc.logout'), ['Session Audit: session deactivated']);
  t.same(said('bmc.login-refused'), ['Session Audit: invalid username or password']);
  t.same(said('lock.wake-reverted'), ['Platform Security: front panel lockout violation attempted']);
  t.same(said('receipt.sent'), []);
  t.equal(auditRecords({ at: 1, event: 'bmc.login', detail: '' }, 0)[0]?.passing, true);
});

void t.test('a power order is a record with its action and its outcome', async (t) => {
  const bytes = (detail: string) =>
    auditRecords({ at: 1, event: 'bmc.power', detail }, 0).map(({ record }) => record.subarray(10));
  t.same(bytes('on by IPMI user "admin" at 10.0.0.7: done'), [hex('21 01 00000000')]);
  t.same(bytes('cycle by IPMI user "admin" at 10.0.0.7: refused DISABLED'), [hex('23 02 00000000')]);
  t.same(bytes('on by the host itself: failed'), [hex('22 01 00000000')]);
  t.same(bytes('constructor by nobody: done'), []);
});

void t.test('anything at all in the audit log gives records of 16 bytes', async () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom('', 'order.', 'bmc.', 'order.succeeded'),
      fc.string(),
      (a, start, b) =>
        auditRecords({ at: 1, event: `${start}${a}`, detail: b }, 0xff_ffff).every(
          ({ record }) => record.byteLength === 16,
        ),
    ),
  );
});
