import t, { type Test } from 'tap';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { seconds } from '../../src/base/index.ts';
import { ownEvent } from '../../src/ipmi/bmc/sel-events.ts';
import {
  auditRecords,
  encodeFru,
  encodeSelEvent,
  type FruField,
  type FruInventory,
  type IpmiClient,
  powerRecords,
  type SelRecord,
  sensorTypeName,
} from '../../src/ipmi/index.ts';
import type { SelTime } from '../../src/ipmi/sel/record.ts';
import type { PowerReading, PowerState } from '../../src/ports/index.ts';
import { BMC_SIDE_PASSWORD, ipmiTools, startBmcSide } from '../kit/bmc-side.ts';
import { FAKE_FRU } from '../kit/fake-bmc-machine.ts';
import { SIM_USERS, startIpmiSim } from '../kit/ipmi-sim.ts';

/**
 * Two BMCs, one of ours and one of OpenIPMI's, each looked at by our client and by ipmitool: every value of the sensors, the
 * records, the event log and the FRU is the same.
 */
const side = await startBmcSide();
const sim = await startIpmiSim({ fru: encodeFru(FAKE_FRU) });
const bmcs = [
  { name: 'our BMC side', port: side.port, password: BMC_SIDE_PASSWORD, suite: 17 },
  { name: 'ipmi_sim', port: sim.port, password: SIM_USERS.admin, suite: 3 },
] as const;
const looks = await Promise.all(
  bmcs.map(async ({ name, port, password, suite }) => {
    const tools = await ipmiTools(port, { password });
    const client = ipmiClient('127.0.0.1', 'admin', password, { port, suites: [suite], timeout: seconds(5) });
    const lines = async (...args: string[]): Promise<string[]> => {
      const { code, out, err } = await tools.ipmitool(suite, ...args);
      if (code !== 0) throw new Error(`ipmitool ${args.join(' ')} ended with ${code}: ${out}${err}`);
      return out.split('\n').filter((line) => line !== '');
    };
    return { name, client, lines, close: () => Promise.all([client.close(), tools.close()]) };
  }),
);
t.teardown(async () => {
  await Promise.all(looks.map((look) => look.close()));
  await Promise.all([side.close(), sim.close()]);
});

const reading = (state: PowerState): PowerReading => ({
  state,
  certain: true,
  sources: {},
  fusion: 'agreed',
});
for (const [before, after] of [
  ['S5', 'S0'],
  ['S0', 'S3'],
  ['S3', 'S4'],
  ['S4', 'G3'],
] as const)
  for (const record of powerRecords(reading(before), reading(after))) side.sel.add(record);
for (const [event, detail] of [
  ['order.succeeded', '1a2b3c4d machine.disable'],
  ['wake.refused', ''],
  ['bmc.login-refused', ''],
] as const)
  for (const { record, ...how } of auditRecords({ at: 1_790_000_000, event, detail }, 0x1234))
    side.sel.add(record, how);
for (const offset of [0, 1, 2, 3, 8]) side.sel.add(ownEvent('watchdog', offset, { data: [4] }));

/** Of every kind that anybody may add, the same to both. */
async function addEvents(client: IpmiClient): Promise<void> {
  const kinds: readonly (readonly [type: number, event: number, ...data: number[]])[] = [
    [0x01, 0x01, 0x59, 0x55, 0x50],
    [0x02, 0x01, 0x52, 0x10, 0x12],
    [0x04, 0x01, 0x50, 0x10, 0x12],
    [0x05, 0x6f, 0, 0xff, 0xff],
    [0x07, 0x6f, 1, 0xff, 0xff],
    [0x08, 0x6f, 0, 0xff, 0xff],
    [0x0c, 0x6f, 1, 0xff, 0xff],
    [0x0d, 0x6f, 1, 0xff, 0xff],
    [0x14, 0x6f, 0, 0xff, 0xff],
    [0x15, 0x03, 1, 0xff, 0xff],
    [0x21, 0x6f, 0, 0xff, 0xff],
    [0x25, 0x6f, 1, 0xff, 0xff],
  ];
  for (const [n, [sensorType, eventType, ...data]] of kinds.entries()) {
    const record = encodeSelEvent({
      generator: { is: 'software', id: 0x20, channel: 0, lun: 0 },
      sensorType,
      sensor: 0x60 + n,
      eventType,
      asserted: n % 3 !== 2,
      data: Uint8Array.from(data),
    });
    await client.addSel(record);
  }
  await client.addSel(Uint8Array.of(0, 0, 0xc1, 0, 0, 0, 0, 0x57, 1, 0, 1, 2, 3, 4, 5, 6));
  await client.addSel(Uint8Array.of(0, 0, 0xe2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13));
}

/** What ipmitool says in other words than ours, and means the same. */
const SAME: Readonly<Record<string, string>> = {
  'power off': 'power off/down',
  's3: sleeping, processor and hardware context lost, memory retained':
    's3: sleeping, processor & hw context lost, memory retained',
  's4: non-volatile sleep/suspend to disk': 's4: non-volatile sleep/suspend-to-disk',
  'fault status asserted': 'fault status',
};
const TYPE_NAMES: Readonly<Record<string, string>> = {
  'watchdog 2': 'watchdog2',
  'drive slot': 'drive slot / bay',
};

for (const { name, client, lines } of looks) {
  await t.test(
    `${name}: every sensor has the value, the unit and the states that ipmitool prints`,
    async (t) => {
      const rows = new Map(
        (await lines('-c', 'sensor', 'list')).map((line) => [line.split(',')[0]!, line.split(',')]),
      );
      const states = new Map(
        (await lines('-c', 'sdr', 'elist', 'all')).map((line) => [
          line.split(',')[0]!,
          line.split(',').at(-1)!,
        ]),
      );
      let values = 0;
      for (const { sensor, reading: now } of await client.sensors()) {
        const row = rows.get(sensor.name);
        if (now.is === 'none') {
          t.equal(row, undefined, sensor.name);
          continue;
        }
        values += 1;
        if (now.is === 'value') {
          t.equal(row?.[1], now.value.toFixed(3), sensor.name);
          t.equal(row?.[2], now.unit, sensor.name);
        } else {
          const bits = now.bits.toString(16).padStart(4, '0');
          const swapped = `0x${bits.slice(2)}${(Number.parseInt(bits.slice(0, 2), 16) | 0x80).toString(16)}`;
          t.equal(row?.[3], swapped, sensor.name);
          t.equal(states.get(sensor.name)?.toLowerCase(), now.states.join().toLowerCase(), sensor.name);
        }
      }
      t.equal(values, rows.size);
      t.comment(`figure: ${values} sensors of ${name} agree with ipmitool`);
    },
  );

  await t.test(`${name}: every record of the repository is the one that ipmitool prints`, async (t) => {
    const rows = (await lines('-c', 'sdr', 'elist', 'all')).map((line) => line.split(','));
    const records = await client.sdr();
    t.equal(rows.length, records.length);
    for (const record of records) {
      if (record.is === 'oem' || record.is === 'other' || record.is === 'damaged') {
        t.fail(`a record of ours is ${record.is}`);
        continue;
      }
      const row = rows.find(([first]) => first === record.name);
      t.ok(row, record.name);
      const place = `${record.entity.id}.${record.entity.instance}`;
      // Of a sensor with numbers the list has its value in that place.
      if (record.is !== 'full') t.equal(row?.[3], place, record.name);
      const told = { 'mc-locator': 0, 'fru-locator': 0, compact: -1, 'event-only': -1, full: -2 }[record.is];
      if (told === -1 && 'number' in record)
        t.equal(row?.[1], `${record.number.toString(16).toUpperCase().padStart(2, '0')}h`, record.name);
    }
    const full = records.filter((record) => record.is === 'full');
    const details = (await lines('sensor', 'get', ...full.map((record) => record.name))).join('\n');
    for (const record of full) {
      t.match(
        details,
        `${record.name} (0x${record.number.toString(16)})\n Entity ID             : ${record.entity.id}.${record.entity.instance}`,
      );
      t.match(details, `Sensor Type (Threshold)  : ${sensorTypeName(record.sensorType)}`);
    }
  });

  await t.test(`${name}: every record of the event log is the one that ipmitool prints`, async (t) => {
    await addEvents(client);
    const rows = (await lines('-c', 'sel', 'list')).map((line) => line.split(','));
    const records = await client.sel();
    t.equal(rows.length, records.length);
    for (const [n, record] of records.entries()) compare(t, record, rows[n] ?? []);
    t.comment(`figure: ${records.length} event log records of ${name} agree with ipmitool`);
    const info = new Map((await lines('sel', 'info')).map((line) => line.split(/ *: /) as [string, string]));
    t.equal(info.get('Entries'), String((await client.selInfo()).entries));
  });

  await t.test(`${name}: every field of the FRU is the one that ipmitool prints`, async (t) => {
    const { inventory, problems } = await client.fru();
    t.same(problems, []);
    t.same(inventory, FAKE_FRU);
    const rows = (await lines('fru', 'print', '0')).map((line) => line.trim().split(/ *: /));
    const wanted = printed(inventory);
    for (const [field, value] of wanted) t.equal(rows.find(([first]) => first === field)?.[1], value, field);
    t.equal(rows.filter(([first]) => first !== 'FRU Device Description').length, wanted.length);
  });
}

/** The time as ipmitool prints it. */
function printedTime({ seconds: time, since }: SelTime): readonly [date: string, clock: string] {
  if (since === 'start') return [' Pre-Init ', String(time).padStart(10, '0')];
  const iso = new Date(time * 1000).toISOString();
  return [`${iso.slice(5, 7)}/${iso.slice(8, 10)}/${iso.slice(2, 4)}`, `${iso.slice(11, 19)} UTC`];
}

function compare(t: Test, record: SelRecord, row: readonly string[]): void {
  const what = `record ${record.id}`;
  t.equal(row[0], record.id.toString(16), what);
  if (record.is !== 'oem') t.same(row.slice(1, 3), printedTime(record.time), what);
  if (record.is === 'event') {
    const type = sensorTypeName(record.sensorType).toLowerCase();
    const sensor = `${TYPE_NAMES[type] ?? type} #0x${record.sensor.toString(16).padStart(2, '0')}`;
    t.equal(row[3]?.toLowerCase(), sensor, what);
    const [words] = record.sentence.toLowerCase().slice(`${type}: `.length).split('\n');
    // A state may have commas in it, and ipmitool has no words for those of a session.
    const told = row.slice(4, -1).join().trim().toLowerCase();
    if (told !== '') t.equal(told, SAME[words!] ?? words, what);
    else t.equal(type, 'session audit', what);
    t.equal(row.at(-1), record.asserted ? 'Asserted' : 'Deasserted', what);
  } else {
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    t.equal(
      row.find((each) => each.startsWith('OEM record')),
      `OEM record ${record.type.toString(16)}`,
      what,
    );
    t.equal(row.at(-1), hex(record.data), what);
    if (record.is === 'oem-timed')
      t.equal(row.at(-2), record.manufacturer.toString(16).padStart(6, '0'), what);
  }
}

/** An inventory, line by line. */
function printed(inventory: FruInventory): readonly (readonly [string, FruField])[] {
  const { chassis, board, product } = inventory;
  const made = new Date((board?.manufactured ?? 0) * 1000).toUTCString();
  const found = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(made)!;
  const date = `${found[1]} ${found[3]} ${found[2]} ${found[5]} ${found[4]} UTC`;
  const all: readonly (readonly [string, FruField | undefined])[] = [
    ['Chassis Type', 'Rack Mount Chassis'],
    ['Chassis Part Number', chassis?.partNumber],
    ['Chassis Serial', chassis?.serialNumber],
    ['Board Mfg Date', date],
    ['Board Mfg', board?.manufacturer],
    ['Board Product', board?.product],
    ['Board Serial', board?.serialNumber],
    ['Board Part Number', board?.partNumber],
    ['Board Extra', board?.custom[0]],
    ['Product Manufacturer', product?.manufacturer],
    ['Product Name', product?.product],
    ['Product Part Number', product?.partNumber],
    ['Product Version', product?.version],
    ['Product Serial', product?.serialNumber],
    ['Product Asset Tag', product?.assetTag],
  ];
  return all.flatMap(([field, value]) =>
    value === undefined || value === '' ? [] : [[field, value] as const],
  );
}
