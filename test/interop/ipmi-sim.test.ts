import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { type IpmiClientOptions, ipmiClient, ipmiDiscover } from '../../src/adapters/ipmi-client.ts';
import { milliseconds, seconds, toHex } from '../../src/base/index.ts';
import { encodeFru, encodeSelEvent, type FruInventory, type IpmiClient } from '../../src/ipmi/index.ts';
import { eventually } from '../kit/eventually.ts';
import { SIM_USERS, startIpmiSim } from '../kit/ipmi-sim.ts';

const inventory: FruInventory = {
  chassis: { type: 0x17, partNumber: 'CH-1', serialNumber: 'CS-77', custom: [] },
  board: {
    language: 0,
    manufactured: 820_454_400 + 60 * 525_600,
    manufacturer: 'Nightshift',
    product: 'Test board',
    serialNumber: 'BS-12',
    partNumber: 'BP-3',
    fileId: '',
    custom: ['spare'],
  },
  product: {
    language: 0,
    manufacturer: 'Nightshift',
    product: 'Test machine',
    partNumber: 'PP-4',
    version: 'v1',
    serialNumber: 'PS-5',
    assetTag: 'A-6',
    fileId: '',
    custom: [],
  },
  records: [],
};

const sim = await startIpmiSim({ fru: encodeFru(inventory) });
const open: IpmiClient[] = [];
t.teardown(async () => {
  await Promise.all(open.map((each) => each.close()));
  await sim.close();
});

function as(user: keyof typeof SIM_USERS, options: IpmiClientOptions = {}, password?: string): IpmiClient {
  const client = ipmiClient('127.0.0.1', user, password ?? SIM_USERS[user], {
    port: sim.port,
    suites: [3],
    timeout: seconds(5),
    ...options,
  });
  open.push(client);
  return client;
}

/** Between a client and the BMC, counting. `answer` may keep what the BMC says to itself. */
async function counter(answer: (count: number) => boolean = () => true) {
  const socket = createSocket('udp4');
  const counts = { asked: 0, answered: 0 };
  let client = 0;
  socket.on('message', (bytes, from) => {
    const fromBmc = from.port === sim.port;
    if (!fromBmc) client = from.port;
    if (fromBmc) counts.answered += 1;
    else counts.asked += 1;
    if (fromBmc && !answer(counts.answered)) return;
    socket.send(bytes, fromBmc ? client : sim.port, '127.0.0.1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const close = (): void => {
    socket.close();
  };
  return { port: socket.address().port, counts, close };
}

await t.test('what the BMC tells before a session is a hint, and bounded', async (t) => {
  const { capabilities, suites } = await ipmiDiscover('127.0.0.1', { port: sim.port });
  t.match(capabilities, { channel: 1, ipmi20: true, namedUsers: true, bmcKey: false });
  t.ok(
    suites?.some((suite) => suite.id === 0),
    'a weak suite on offer',
  );
  const deaf = await counter((count) => count === 1);
  t.equal(
    (await ipmiDiscover('127.0.0.1', { port: deaf.port, timeout: milliseconds(400) })).suites,
    undefined,
  );
  deaf.close();
  const silent = await counter(() => false);
  await t.rejects(ipmiDiscover('127.0.0.1', { port: silent.port, timeout: milliseconds(400) }), {
    code: 'NS_IPMI_SILENT',
  });
  silent.close();
});

await t.test('suite 3 must be allowed by name, and suite 0 is refused', async (t) => {
  await t.rejects(as('admin', { suites: [17] }).deviceId(), { code: 'NS_IPMI_SUITE' });
  t.throws(() => as('admin', { suites: [0 as never] }), { code: 'NS_IPMI_SUITE', family: 'caller' });
  const used: number[] = [];
  await as('admin', { suites: [17, 3], onSuite: (suite) => used.push(suite) }).deviceId();
  t.same(used, [3]);
});

await t.test('a user without a name or a password is refused, and too long ones', async (t) => {
  const code = 'NS_IPMI_CREDENTIALS';
  t.throws(() => ipmiClient('127.0.0.1', '', 'x'), { code });
  t.throws(() => ipmiClient('127.0.0.1', 'admin', ''), { code });
  t.throws(() => ipmiClient('127.0.0.1', 'a'.repeat(17), 'x'), { code });
  t.throws(() => ipmiClient('127.0.0.1', 'admin', 'x'.repeat(21)), { code });
});

await t.test('a status takes four round trips from cold, and one from then on', async (t) => {
  const between = await counter();
  const client = as('admin', { port: between.port });
  await client.chassisStatus();
  t.same(between.counts, { asked: 4, answered: 4 });
  await client.chassisStatus();
  t.same(between.counts, { asked: 5, answered: 5 });
  await client.chassisControl('soft');
  t.same(between.counts, { asked: 7, answered: 7 }, 'one more, to raise the privilege');
  await client.close();
  t.same(between.counts, { asked: 8, answered: 8 });
  between.close();
});

await t.test('a wrong password ends after two round trips, and is not tried again', async (t) => {
  const between = await counter();
  await t.rejects(as('admin', { port: between.port }, 'wrong').deviceId(), { code: 'NS_IPMI_CREDENTIALS' });
  t.equal(between.counts.answered, 2);
  // The third datagram frees the half-open session; nothing answers it.
  await eventually(() => between.counts.asked === 3);
  between.close();
});

await t.test('a user that the BMC does not know is refused', async (t) => {
  const client = ipmiClient('127.0.0.1', 'nobody', 'x', { port: sim.port, suites: [3], timeout: seconds(5) });
  await t.rejects(client.deviceId(), { code: 'NS_IPMI_CREDENTIALS' });
  await client.close();
});

await t.test('a BMC that falls silent costs its deadline, before a session and within one', async (t) => {
  for (const last of [0, 2, 4]) {
    const between = await counter((count) => count <= last);
    const client = as('admin', { port: between.port, timeout: milliseconds(400) });
    if (last === 4) await client.chassisStatus();
    const begin = performance.now();
    await t.rejects(client.chassisStatus(), { code: 'NS_IPMI_SILENT' });
    t.comment(`figure: silent after ${last} answers: ${Math.round(performance.now() - begin)} ms of 400`);
    between.close();
  }
});

await t.test('lost answers are asked for again', async (t) => {
  const between = await counter((count) => count !== 2 && count !== 5);
  const client = as('admin', { port: between.port, timeout: milliseconds(600) });
  t.match(await client.chassisStatus(), { powerFault: false });
  await client.close();
  between.close();
});

await t.test('power follows its orders, as another witness has it too', async (t) => {
  const client = as('admin');
  const before = (await sim.orders()).length;
  t.ok((await client.power('on')).powerOn);
  t.ok((await client.power('on')).powerOn);
  t.ok((await client.power('reset')).powerOn);
  t.notOk((await client.power('soft')).powerOn);
  await t.rejects(client.power('reset'), { code: 'NS_IPMI_POWER' });
  t.ok((await client.power('cycle', { onIfOff: true })).powerOn);
  t.notOk((await client.power('off')).powerOn);
  await client.identify();
  await client.setBootFlags({ device: 'pxe' });
  t.equal((await client.bootFlags())?.device, 'pxe');
  t.same((await sim.orders()).slice(before), [
    'power 1',
    'reset 1',
    'shutdown 1',
    'power 1',
    'power 0',
    'identify 15 0',
    'boot pxe',
  ]);
});

await t.test('privilege is what the user has', async (t) => {
  t.ok((await as('oper').power('on')).powerOn);
  await t.rejects(as('viewer', { level: 'user' }).power('off'), { code: 'NS_IPMI_COMPLETION' });
  t.ok((await as('viewer', { level: 'user' }).chassisStatus()).powerOn);
});

await t.test('device, GUID, chassis, channel, LAN, users, session and watchdog are read', async (t) => {
  const client = as('admin');
  t.match(await client.deviceId(), { deviceId: 0x4e, firmware: '1.02', ipmiVersion: '2.0' });
  t.equal(toHex((await client.systemGuid()).bytes), 'a123456789abcdefa123456789abcdef');
  t.match(await client.chassisCapabilities(), { fruDevice: 0x20, selDevice: 0x20 });
  t.match(await client.channelInfo(), { channel: 1, medium: '802.3 LAN', sessions: 'many', vendorId: 7154 });
  t.match(await client.lan(), {
    ipAddress: { is: 'ipv4' },
    macAddress: { is: 'mac' },
    community: { text: 'public' },
    cipherSuiteCount: { count: 15 },
  });
  t.match(
    (await client.users()).map(({ name, access }) => [name, access.limit]),
    [
      ['', 'user'],
      ['admin', 'administrator'],
      ['oper', 'operator'],
      ['viewer', 'user'],
    ],
  );
  const suites = await client.cipherSuites();
  t.match(
    suites.find((suite) => suite.id === 3),
    { authentication: [1], integrity: [1], confidentiality: [1] },
  );
  t.notOk(suites.some((suite) => suite.id === 17));
  t.match(await client.sessionInfo(), { session: { user: 2, channel: 1, rmcpPlus: true } });
  await client.setWatchdog({ use: 'sms-os', action: 'none', initial: seconds(100) });
  await client.resetWatchdog();
  t.match(await client.watchdog(), { action: 'none' });
  t.match(await client.raw(6, 1, new Uint8Array(0)), { 0: 0x4e });
});

await t.test('the sensor says what is in its file', async (t) => {
  const client = as('admin');
  const reading = async () => (await client.sensors())[0]!.reading;
  t.match((await client.sensors())[0]?.sensor, { name: 'BoardTemp', number: 0x10, unit: 'degrees C' });
  t.match(await reading(), { is: 'value', value: 55, unit: 'degrees C' });
  await sim.setTemperature(61);
  await eventually(async () => {
    const now = await reading();
    return now.is === 'value' && now.value === 61;
  });
  t.match(await client.sdr(), [{ is: 'mc-locator', name: 'Nightshift' }, { is: 'full' }]);
});

await t.test('the event log is read, added to, timed and erased', async (t) => {
  const client = as('admin');
  const [first] = await client.sel();
  t.match(first, {
    is: 'event',
    sentence: 'Temperature: upper critical going high',
    reading: 0x55,
    threshold: 0x50,
  });
  const id = await client.addSel(
    encodeSelEvent({
      generator: { is: 'software', id: 0x20, channel: 0, lun: 0 },
      sensorType: 0x14,
      sensor: 0x11,
      eventType: 0x6f,
      asserted: true,
      data: Uint8Array.of(0, 0xff, 0xff),
    }),
  );
  t.match((await client.sel()).at(-1), { id, sentence: 'Button: power button pressed', asserted: true });
  t.equal((await client.selInfo()).entries, 2);
  await client.setSelTime(1_700_000_000);
  const time = await client.selTime();
  t.ok(time >= 1_700_000_000 && time < 1_700_000_100);
  await client.clearSel();
  t.same(await client.sel(), []);
});

await t.test('the FRU inventory is read and written', async (t) => {
  const client = as('admin');
  t.match(await client.fru(), { inventory, problems: [] });
  const changed = { ...inventory, product: { ...inventory.product!, assetTag: 'rack 7' } };
  await client.writeFru(changed);
  t.match(await client.fru(), { inventory: changed, problems: [] });
});

await t.test('what this BMC lacks is told by its completion code', async (t) => {
  const client = as('admin');
  const lacking = [
    () => client.selfTest(),
    () => client.deviceGuid(),
    () => client.restartCause(),
    () => client.powerOnHours(),
    () => client.setRestorePolicy('unchanged'),
    () => client.acpiPowerState(),
    () => client.thresholds(0x10),
  ];
  for (const each of lacking)
    await t.rejects(async () => void (await each()), { code: 'NS_IPMI_COMPLETION', completion: 0xc1 });
});
