import t from 'tap';
import { refusal } from '../../../../../src/base/index.ts';
import { BmcCommands, encodeFru } from '../../../../../src/ipmi/index.ts';
import { aUser, bmcBench, HOST } from '../../../../kit/bmc-bench.ts';
import { FAKE_FRU, FakeBmcMachine } from '../../../../kit/fake-bmc-machine.ts';

const lan = () => ({
  address: '10.0.0.7',
  subnetMask: '255.255.255.0',
  source: 'dhcp' as const,
  mac: '52:54:00:12:34:56',
  suites: [
    { id: 17, level: 'administrator' as const },
    { id: 3, level: 'operator' as const },
  ],
});

void t.test('no two commands are the same', async (t) => {
  const { commands, clock, log } = await bmcBench();
  const twice = [...commands, commands[0]!];
  t.throws(() => new BmcCommands({ commands: twice, clock, log }), {
    code: 'NS_INTERNAL',
    message: /Get Device ID/,
  });
});

void t.test('the BMC says who it is', async (t) => {
  const { client, ask, machine } = await bmcBench();
  t.match(await client().deviceId(), {
    deviceId: 0x20,
    deviceRevision: 1,
    providesSdrs: false,
    available: true,
    firmware: '1.42',
    ipmiVersion: '2.0',
    manufacturerId: 0,
    productId: 0x4e53,
  });
  t.same((await client().deviceGuid()).bytes, machine.identity.guid);
  t.same((await client().systemGuid()).bytes, machine.identity.systemGuid);
  t.equal((await ask(0x06, 0x37, '', { is: 'nobody' })).completion, 0);
  t.equal((await ask(0x06, 0x01, '', { is: 'nobody' })).completion, 0xd4);
});

void t.test('nobody resets the agent by way of its BMC', async (t) => {
  const { ask } = await bmcBench();
  for (const code of [0x02, 0x03]) {
    t.equal((await ask(0x06, code)).completion, 0xd6);
    t.equal((await ask(0x06, code, '', aUser('operator'))).completion, 0xd4);
    t.equal((await ask(0x06, code, '', HOST)).completion, 0xc1);
  }
});

void t.test('the board is told by its FRU, which cannot be written', async (t) => {
  const { client, ask } = await bmcBench();
  t.same(await client().fru(), { inventory: FAKE_FRU, problems: [] });
  const size = encodeFru(FAKE_FRU).byteLength;
  t.same((await ask(0x0a, 0x10, '00')).data, Uint8Array.of(size & 0xff, size >> 8, 0));
  t.equal((await ask(0x0a, 0x11, '00 0000 ff')).data[0], Math.min(size, 128), 'as much as goes at once');
  t.equal((await ask(0x0a, 0x11, Uint8Array.of(0, size & 0xff, size >> 8, 1))).completion, 0xc9);
  t.equal((await ask(0x0a, 0x11, Uint8Array.of(0, (size - 1) & 0xff, (size - 1) >> 8, 9))).data[0], 1);
  t.equal((await ask(0x0a, 0x12, '00 0000 01')).completion, 0x80);
  t.equal((await ask(0x0a, 0x11, '01 0000 10')).completion, 0xcb);
});

void t.test(
  'what the host says of its own state refines what was seen, and never contradicts it',
  async (t) => {
    const { client, machine, ask } = await bmcBench();
    t.match(await client().acpiPowerState(), { system: 'S0', device: 'unknown' });
    await client(HOST).setAcpiPowerState({ system: 'S1', device: 'D0' });
    t.match(await client().acpiPowerState(), { system: 'S1', device: 'D0' });
    await client(HOST).setAcpiPowerState({ system: 'S5' });
    t.match(await client().acpiPowerState(), { system: 'S0', device: 'D0' });
    machine.becomes('S5');
    t.match(
      await client().acpiPowerState(),
      { system: 'S5', device: 'unknown' },
      'what it said is forgotten',
    );
    machine.certain = false;
    t.match(await client().acpiPowerState(), { system: 'unknown' });
    t.equal((await ask(0x06, 0x06, '8000', aUser('operator'))).completion, 0xd4);
    t.equal((await ask(0x06, 0x06, '8b7f', HOST)).completion, 0xcc);
  },
);

void t.test("the host's driver finds what it looks for", async (t) => {
  const { ask } = await bmcBench();
  t.same((await ask(0x06, 0x2f, '', HOST)).data, Uint8Array.of(0x08));
  t.equal((await ask(0x06, 0x2e, '0d', HOST)).completion, 0);
  t.same((await ask(0x06, 0x2f, '', HOST)).data, Uint8Array.of(0x0d));
  t.equal((await ask(0x06, 0x2e, '80', HOST)).completion, 0xcc);
  t.equal((await ask(0x06, 0x30, 'ff', HOST)).completion, 0);
  t.same((await ask(0x06, 0x31, '', HOST)).data, Uint8Array.of(0));
  t.equal((await ask(0x06, 0x33, '', HOST)).completion, 0x80);
  t.equal((await ask(0x06, 0x35, '', HOST)).completion, 0x80);
  t.equal((await ask(0x06, 0x36, '', HOST)).data.byteLength, 5);
  t.equal((await ask(0x06, 0x33)).completion, 0xd5, 'and nobody else');
});

void t.test('the chassis tells what it can do, and what it has done', async (t) => {
  const { client } = await bmcBench();
  t.match(await client().chassisCapabilities(), {
    powerInterlock: false,
    diagnosticInterrupt: true,
    frontPanelLockout: true,
    intrusionSensor: true,
    selDevice: 0x20,
  });
  t.match(await client().powerOnHours(), { minutesPerCount: 60, count: 123 });
});

void t.test('what the board does not have is no command', async (t) => {
  const machine = new FakeBmcMachine();
  const {
    identify: _a,
    powerOnHours: _b,
    powerButtonMasked: _c,
    watts: _d,
    onHost: _e,
    ...rest
  } = machine.chassis;
  Object.defineProperty(machine, 'chassis', { value: { ...rest, actions: ['on', 'off'] } });
  const { ask, client } = await bmcBench({ machine });
  for (const [netFn, code, data] of [
    [0x00, 0x04, ''],
    [0x00, 0x0a, '00'],
    [0x00, 0x0f, ''],
    [0x2c, 0x02, 'dc010000'],
    [0x0c, 0x02, '0e030000'],
  ] as const)
    t.equal((await ask(netFn, code, data)).completion, 0xc1);
  t.match(await client().chassisCapabilities(), { frontPanelLockout: false, diagnosticInterrupt: false });
  t.match(await client().chassisStatus(), { identify: undefined, powerOn: true });
});

void t.test('the power button is masked by a user, unless the lock has it', async (t) => {
  const { client, machine, ask } = await bmcBench();
  await client().disableButtons({ powerOff: true });
  t.equal(machine.chassis.powerButtonMasked.get(), true);
  t.match(await client().chassisStatus(), {
    frontPanel: { disabled: { powerOff: true, reset: false }, canDisable: { powerOff: true, reset: false } },
  });
  t.equal((await ask(0x00, 0x0a, '02')).completion, 0xcc, 'a button that cannot be masked');
  machine.lock = refusal('DISABLED');
  t.equal((await ask(0x00, 0x0a, '00')).completion, 0xd6);
  t.equal(machine.chassis.powerButtonMasked.get(), true);
});

void t.test('the network is told as it is, and cannot be set', async (t) => {
  const { client, ask } = await bmcBench({ lan });
  const told = await client().lan(1);
  t.same(told.ipAddress, { is: 'ipv4', address: '10.0.0.7' });
  t.same(told.subnetMask, { is: 'ipv4', address: '255.255.255.0' });
  t.same(told.ipSource, { is: 'ip-source', source: 'dhcp' });
  t.same(told.macAddress, { is: 'mac', address: '52:54:00:12:34:56' });
  t.same(told.vlanId, { is: 'vlan', id: undefined });
  t.equal(told.gatewayAddress, undefined);
  t.same((await ask(0x0c, 0x02, '01 160000')).data, Uint8Array.of(0x11, 2));
  t.same((await ask(0x0c, 0x02, '01 170000')).data.subarray(0, 5), Uint8Array.of(0x11, 0, 17, 3, 0));
  t.same((await ask(0x0c, 0x02, '01 180000')).data.subarray(0, 4), Uint8Array.of(0x11, 0, 0x34, 0));
  t.same((await ask(0x0c, 0x02, '81 030000')).data, Uint8Array.of(0x11), 'only the revision');
  t.equal((await ask(0x0c, 0x02, '01 0c0000')).completion, 0x80, 'a gateway that is not known');
  t.equal((await ask(0x0c, 0x02, '02 030000')).completion, 0xcc);
  t.equal((await ask(0x0c, 0x01, '01 03 0a000008')).completion, 0x82);
  t.equal((await ask(0x0c, 0x01, '01 03 0a000008', aUser('operator'))).completion, 0xd4);
});

void t.test('what the host draws is told, with the least and the most that was asked for', async (t) => {
  const { client, machine } = await bmcBench();
  t.match(await client().powerReading(), { watts: 87, leastWatts: 87, mostWatts: 87, active: true });
  machine.drawn = 131.4;
  t.match(await client().powerReading(), { watts: 131, leastWatts: 87, mostWatts: 131, averageWatts: 109 });
  t.match(await client().dcmiCapabilities(), {
    version: '1.5',
    powerManagement: true,
    primaryLan: true,
    systemInterface: true,
    serial: false,
  });
});
