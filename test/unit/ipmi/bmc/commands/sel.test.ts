import t from 'tap';
import { seconds } from '../../../../../src/base/index.ts';
import { encodeSelEvent } from '../../../../../src/ipmi/index.ts';
import { aUser, bmcBench, HOST } from '../../../../kit/bmc-bench.ts';
import { hex } from '../../../../kit/canned-carrier.ts';

const fromBmc = encodeSelEvent({
  generator: { is: 'controller', id: 0x20, channel: 0, lun: 0 },
  sensorType: 0x22,
  sensor: 0xf0,
  eventType: 0x6f,
  asserted: true,
  data: Uint8Array.of(5, 0xff, 0xff),
});

void t.test('our own client reads, adds, deletes and erases', async (t) => {
  const { client, clock } = await bmcBench();
  const own = client();
  t.match(await own.selInfo(), {
    version: '1.5',
    entries: 0,
    freeBytes: 8192,
    canDelete: true,
    overflow: false,
  });
  t.same(await own.sel(), []);
  const ids = [await own.addSel(fromBmc), await own.addSel(fromBmc), await own.addSel(fromBmc)];
  t.same(
    (await own.sel()).map((record) => record.id),
    ids,
  );
  t.match(await own.selInfo(), { entries: 3, freeBytes: 8192 - 48, lastAddition: clock.wallSeconds() });
  t.equal(await own.deleteSel(ids[1]!), ids[1]);
  t.same(
    (await own.sel()).map((record) => record.id),
    [ids[0], ids[2]],
  );
  await own.clearSel();
  t.match(await own.sel(), [{ sentence: 'Event Logging Disabled: log area reset or cleared' }]);
  t.match(await own.selInfo(), { lastErase: clock.wallSeconds(), overflow: false });
});

void t.test('what others add cannot pass for an event of the BMC', async (t) => {
  const { client, ask, sel } = await bmcBench();
  await client(HOST).addSel(fromBmc);
  await client().addSel(fromBmc);
  t.match(await client().sel(), [
    { generator: { is: 'software', id: 0x20 } },
    { generator: { is: 'software', id: 0x40 } },
  ]);
  const ours = hex('0000 c0 00000000 000000 11 0c 1a2b3c4d');
  for (const caller of [HOST, aUser()]) t.equal((await ask(0x0a, 0x44, ours, caller)).completion, 0x80);
  t.equal(
    (await ask(0x0a, 0x44, hex('0000 c1 00000000 570100 112233445566'))).completion,
    0,
    'a maker of its own',
  );
  t.equal((await ask(0x0a, 0x44, hex('0000 70 00000000 570100 112233445566'))).completion, 0x80);
  t.equal(sel.records.length, 3);
});

void t.test('the host may add and read, and neither erase nor set the clock', async (t) => {
  const { ask } = await bmcBench();
  t.equal((await ask(0x0a, 0x44, fromBmc, HOST)).completion, 0);
  t.equal((await ask(0x0a, 0x43, '0000 0000 00 ff', HOST)).completion, 0);
  for (const [code, data] of [
    [0x46, '0100 0100'],
    [0x47, '0100 434c52 aa'],
    [0x49, '00000050'],
    [0x5d, '0000'],
  ] as const)
    t.equal((await ask(0x0a, code, data, HOST)).completion, 0xc1);
  t.equal((await ask(0x0a, 0x47, '0100 434c52 aa', aUser('user'))).completion, 0xd4);
});

void t.test('an entry is given in parts, under a reservation', async (t) => {
  const { ask, sel } = await bmcBench();
  sel.add(fromBmc);
  sel.add(fromBmc);
  const whole = (await ask(0x0a, 0x43, '0000 0100 00 ff')).data;
  t.equal(whole.byteLength, 18);
  t.same(whole.subarray(0, 2), hex('0200'), 'the next one');
  t.same((await ask(0x0a, 0x43, '0000 ffff 00 ff')).data.subarray(0, 4), hex('ffff 0200'), 'the last one');
  t.equal((await ask(0x0a, 0x43, '0000 0100 04 04')).completion, 0xc5);
  const [low = 0, high = 0] = (await ask(0x0a, 0x42)).data;
  for (let offset = 0; offset < 16; offset += 1) {
    for (let count = 0; offset + count <= 16; count += 1) {
      const { data } = await ask(0x0a, 0x43, Uint8Array.of(low, high, 1, 0, offset, count));
      t.same(data.subarray(2), whole.subarray(2 + offset, 2 + offset + count));
    }
  }
  t.equal((await ask(0x0a, 0x43, Uint8Array.of(low, high, 1, 0, 16, 0))).completion, 0xc9);
  t.equal((await ask(0x0a, 0x43, Uint8Array.of(low, high, 1, 0, 8, 9))).completion, 0xca);
  t.equal((await ask(0x0a, 0x43, '0000 0900 00 ff')).completion, 0xcb);
});

void t.test('a reservation ends with the next one, and with any erasure', async (t) => {
  const { ask, sel } = await bmcBench();
  for (let n = 0; n < 4; n += 1) sel.add(fromBmc);
  const reserve = async () => (await ask(0x0a, 0x42)).data;
  const first = await reserve();
  const second = await reserve();
  t.equal((await ask(0x0a, 0x46, Uint8Array.of(...first, 1, 0))).completion, 0xc5);
  t.equal((await ask(0x0a, 0x46, Uint8Array.of(...second, 1, 0))).completion, 0);
  t.equal((await ask(0x0a, 0x46, Uint8Array.of(...second, 2, 0))).completion, 0xc5);
  const erase = Uint8Array.of(...(await reserve()), 0x43, 0x4c, 0x52, 0xaa);
  t.equal((await ask(0x0a, 0x47, erase)).completion, 0);
  t.equal((await ask(0x0a, 0x47, erase)).completion, 0xc5, 'an erasure asked for twice is one');
  t.equal((await ask(0x0a, 0x47, '0000 434c52 00')).data[0], 1);
  t.equal((await ask(0x0a, 0x47, '0000 434c53 00')).completion, 0xcc);
});

void t.test("the log's clock is set apart from all others", async (t) => {
  const { client, clock, sel, ask } = await bmcBench();
  const wall = clock.wallSeconds();
  await client().setSelTime(0x5000_0000);
  await clock.advance(seconds(10));
  t.equal(await client().selTime(), 0x5000_000a);
  t.equal(clock.wallSeconds(), wall + 10);
  sel.add(fromBmc);
  t.match(await client().sel(), [{ time: { seconds: 0x5000_000a } }]);
  t.equal(await client().selTimeUtcOffset(), 0);
  t.equal((await ask(0x0a, 0x5d, '3c00')).completion, 0xcc, 'it keeps UTC');
  await client().setSelTimeUtcOffset(seconds(0));
});

void t.test("what the host adds cannot pass for an operator's, nor for another controller's", async (t) => {
  const { client } = await bmcBench();
  for (const generator of [0x81, 0x22, 0x31]) {
    const record = fromBmc.slice();
    record[7] = generator;
    await client(HOST).addSel(record);
  }
  t.match(await client().sel(), [
    { generator: { is: 'software', id: 0x20 } },
    { generator: { is: 'software', id: 0x20 } },
    { generator: { is: 'software', id: 0x18 } },
  ]);
});

void t.test('an event of the platform is written, by the host with its generator', async (t) => {
  const { client, ask } = await bmcBench();
  t.equal((await ask(0x04, 0x02, '04 01 30 01 09 ff ff')).completion, 0);
  t.equal((await ask(0x04, 0x02, '21 04 20 00 6f 21 ff', HOST)).completion, 0);
  t.equal((await ask(0x04, 0x02, '20 04 20 00 6f 21 ff ff', HOST)).completion, 0);
  t.equal((await ask(0x04, 0x02, '05 01 30 01 09 ff ff')).completion, 0xcc);
  t.match(await client().sel(), [
    { generator: { is: 'software', id: 0x40 }, sentence: 'Temperature: upper critical going high' },
    { generator: { is: 'software', id: 0x10 }, sensorType: 0x20, data: hex('21ffff') },
    { generator: { is: 'software', id: 0x20 } },
  ]);
});

void t.test('a log whose storage is broken is said to be broken', async (t) => {
  const { client, sel } = await bmcBench();
  t.same(await client().selfTest(), { is: 'passed' });
  Object.defineProperty(sel, 'broken', { value: true });
  t.match(await client().selfTest(), { is: 'broken', parts: ['SEL device'] });
});
