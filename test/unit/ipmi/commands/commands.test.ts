import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { minutes, NsError, seconds, toHex } from '../../../../src/base/index.ts';
import { type Command, runCommand } from '../../../../src/ipmi/command.ts';
import * as c from '../../../../src/ipmi/commands/index.ts';
import { CannedCarrier, hex } from '../../../kit/canned-carrier.ts';

const never = new AbortController().signal;

interface Row<Args, Result> {
  readonly command: Command<Args, Result>;
  readonly args: Args;
  /** NetFn and command, then the data. */
  readonly asks: string;
  readonly answer: string;
  readonly means: unknown;
}
const rows: Row<unknown, unknown>[] = [];
function row<Args, Result>(
  command: Command<Args, Result>,
  args: Args,
  asks: string,
  answer: string,
  means?: unknown,
): void {
  rows.push({ command, args, asks, answer, means } as Row<unknown, unknown>);
}

row(c.getDeviceId, undefined, '06 01', '20 81 02 17 02 bf 11 92 00 0f f0 01 02 03 04', {
  deviceId: 0x20,
  deviceRevision: 1,
  firmware: '2.17',
  ipmiVersion: '2.0',
  manufacturerId: 0x9211,
  auxiliaryFirmware: hex('01020304'),
});
const guid = '33 22 11 00 55 44 77 66 88 99 aa bb cc dd ee ff';
const guidMeans = {
  ipmi: 'ffeeddcc-bbaa-9988-6677-445500112233',
  smbios: '00112233-4455-6677-8899-aabbccddeeff',
  unset: false,
};
row(c.getDeviceGuid, undefined, '06 08', guid, guidMeans);
row(c.getSystemGuid, undefined, '06 37', guid, guidMeans);
row(c.getSystemGuid, undefined, '06 37', '00'.repeat(16), { unset: true });
row(c.setSessionPrivilegeLevel, { level: 'operator' }, '06 3b 03', '03', 'operator');
row(c.getSelfTestResults, undefined, '06 04', '55 00', { is: 'passed' });
row(c.getSelfTestResults, undefined, '06 04', '57 81', {
  is: 'broken',
  parts: ['operational firmware', 'SEL device'],
});
row(c.getSelfTestResults, undefined, '06 04', '58 07', { is: 'fatal', detail: 7 });
row(c.getSelfTestResults, undefined, '06 04', '12 07', { is: 'other', code: 0x12, detail: 7 });
row(c.getAcpiPowerState, undefined, '06 07', '05 03', { system: 'S5', device: 'D3' });
row(c.getAcpiPowerState, undefined, '06 07', '2a 2a', { system: 'unknown', device: 'unknown' });
row(c.getAcpiPowerState, undefined, '06 07', '55 11', { system: 'unknown', device: 'unknown' });
row(c.setAcpiPowerState, { system: 'S3' }, '06 06 83 7f', '');
row(c.setAcpiPowerState, { system: 'S5', device: 'D3' }, '06 06 85 83', '');
row(c.getWatchdogTimer, undefined, '06 25', '44 21 05 10 2c 01 64 00', {
  running: true,
  logs: true,
  use: 'sms-os',
  action: 'hard-reset',
  preTimeoutInterrupt: 'nmi',
  preTimeout: 5000,
  expired: ['sms-os'],
  initial: 30_000,
  left: 10_000,
});
row(c.getWatchdogTimer, undefined, '06 25', '00 00 00 00 00 00', {
  running: false,
  use: undefined,
  action: 'none',
  left: undefined,
});
row(
  c.setWatchdogTimer,
  { use: 'sms-os', action: 'power-cycle', initial: seconds(120), clear: ['sms-os', 'os-load'], logs: false },
  '06 24 84 03 00 18 b0 04',
  '',
);
row(c.resetWatchdogTimer, undefined, '06 22', '');
row(c.getChassisCapabilities, undefined, '00 00', '05 20 20 20 20', {
  powerInterlock: false,
  diagnosticInterrupt: true,
  frontPanelLockout: false,
  intrusionSensor: true,
  bridgeDevice: 0x20,
});
row(c.getChassisStatus, undefined, '00 01', '61 10 70', {
  powerOn: true,
  restorePolicy: 'unknown',
  identify: undefined,
});
row(c.getChassisStatus, undefined, '00 01', '40 01 61', {
  powerOn: false,
  restorePolicy: 'always-on',
  lastPowerEvent: { acFailed: true },
  intrusion: true,
  identify: 'on',
});
row(c.getChassisStatus, undefined, '00 01', '01 00 00 53', {
  frontPanel: {
    disabled: { powerOff: true, reset: true, diagnosticInterrupt: false, standby: false },
    canDisable: { powerOff: true, reset: false, diagnosticInterrupt: true, standby: false },
  },
});
row(c.getChassisStatus, undefined, '00 01', '01 00 00', { frontPanel: undefined });
row(c.chassisControl, 'nmi', '00 02 04', '');
row(
  c.setFrontPanelEnables,
  { disabled: { powerOff: true, reset: false, diagnosticInterrupt: false, standby: true } },
  '00 0a 09',
  '',
);
row(c.setPowerCycleInterval, seconds(20), '00 0b 14', '');
row(c.chassisIdentify, c.DEFAULT_IDENTIFY, '00 04 0f', '');
row(c.chassisIdentify, 'on', '00 04 00 01', '');
row(c.chassisIdentify, 'off', '00 04 00', '');
row(c.setPowerRestorePolicy, 'unchanged', '00 06 03', '05', ['always-off', 'always-on']);
row(c.setPowerRestorePolicy, 'previous', '00 06 01', '07', ['always-off', 'previous', 'always-on']);
row(c.getSystemRestartCause, undefined, '00 07', '0b 01', { cause: 'rtc-wake-up', channel: 1 });
row(c.getPohCounter, undefined, '00 0f', '3c e8 03 00 00', { poweredOn: minutes(60_000), count: 1000 });
row(c.getSystemBootOptions, { parameter: 5 }, '00 09 05 00 00', '01 05 a0 04 00 00 00', {
  invalid: false,
  option: { is: 'boot-flags', flags: { valid: true, efi: true, persistent: false, device: 'pxe' } },
});
row(c.getSystemBootOptions, { parameter: 0 }, '00 09 00 00 00', '01 80 01', {
  invalid: true,
  option: { is: 'set-in-progress', progress: 'in-progress' },
});
row(c.getSystemBootOptions, { parameter: 3 }, '00 09 03 00 00', '01 03 08', {
  option: { is: 'valid-bit-clearing', kept: { after60s: true, onWatchdog: false } },
});
row(c.getSystemBootOptions, { parameter: 7, set: 1, block: 2 }, '00 09 07 01 02', '01 07 09', {
  option: { is: 'other', parameter: 7, data: hex('09') },
});
row(
  c.setSystemBootOptions,
  { option: { is: 'set-in-progress', progress: 'in-progress' } },
  '00 08 00 01',
  '',
);
row(
  c.setSystemBootOptions,
  { option: { is: 'info-acknowledge', mask: 1, acknowledged: 1 } },
  '00 08 04 01 01',
  '',
);
row(c.getSelInfo, undefined, '0a 40', '51 03 00 d0 0f 01 00 00 40 02 00 00 41 8a', {
  version: '1.5',
  entries: 3,
  freeBytes: 0xfd0,
  lastAddition: 0x4000_0001,
  overflow: true,
  canDelete: true,
  canReserve: true,
});
row(c.reserveSel, undefined, '0a 42', '34 12', 0x1234);
row(c.getSelEntry, { record: 0 }, '0a 43 00 00 00 00 00 ff', `02 00 ${'11'.repeat(16)}`, {
  next: 2,
  record: new Uint8Array(16).fill(0x11),
});
row(c.addSelEntry, { record: new Uint8Array(16).fill(7) }, `0a 44 ${'07'.repeat(16)}`, '05 00', 5);
row(c.clearSel, { reservation: 0x1234, what: 'erase' }, '0a 47 34 12 43 4c 52 aa', '00', { done: false });
row(c.clearSel, { reservation: 0x1234, what: 'ask' }, '0a 47 34 12 43 4c 52 00', '01', { done: true });
row(c.deleteSelEntry, { reservation: 0x1234, record: 0x0102 }, '0a 46 34 12 02 01', '02 01', 0x0102);
row(c.getSelTimeUtcOffset, undefined, '0a 5c', 'c4 ff', minutes(-60));
row(c.getSelTimeUtcOffset, undefined, '0a 5c', 'ff 7f');
row(c.setSelTimeUtcOffset, minutes(-300), '0a 5d d4 fe', '');
row(c.setSelTimeUtcOffset, undefined, '0a 5d ff 7f', '');
row(c.getSdrRepositoryTime, undefined, '0a 28', '78 56 34 92', 0x9234_5678);
row(c.getSelTime, undefined, '0a 48', '78 56 34 92', 0x9234_5678);
row(c.setSelTime, 0x9234_5678, '0a 49 78 56 34 92', '');
row(c.getSdrRepositoryInfo, undefined, '0a 20', '51 02 00 fe ff 00 00 00 00 00 00 00 00 22', {
  version: '1.5',
  records: 2,
  free: 'more',
  canReserve: true,
});
row(c.reserveSdrRepository, undefined, '0a 22', '01 00', 1);
row(
  c.getSdr,
  { reservation: 1, record: 2, offset: 5, count: 3 },
  '0a 23 01 00 02 00 05 03',
  'ff ff 0a 0b 0c',
  { next: 0xffff, piece: hex('0a0b0c') },
);
row(c.getSensorReading, { sensor: 0x10 }, '04 2d 10', '37 c0 c0', {
  raw: 0x37,
  eventsEnabled: true,
  scanning: true,
  unavailable: false,
  states: 0xc0,
});
row(c.getSensorReading, { sensor: 0x10 }, '04 2d 10', '00 e0 01 82', { unavailable: true, states: 0x201 });
row(c.getSensorThresholds, { sensor: 1 }, '04 27 01', '1b 01 02 03 04 05 06', {
  lowerNonCritical: 1,
  lowerCritical: 2,
  upperNonCritical: 4,
  upperCritical: 5,
});
row(
  c.setSensorThresholds,
  { sensor: 1, thresholds: { upperCritical: 0x50, lowerNonCritical: 0 } },
  '04 26 01 11 00 00 00 00 50 00',
  '',
);
row(c.getSensorReadingFactors, { sensor: 1, raw: 9 }, '04 23 01 09', '0a ff c2 9c c1 04 e3', {
  next: 10,
  factors: { m: -1, b: -100, bExponent: 3, resultExponent: -2, tolerance: 1, accuracy: 0.1 },
});
row(c.getFruInventoryAreaInfo, { device: 0 }, '0a 10 00', '00 01 00', { bytes: 256, byWords: false });
row(
  c.readFruData,
  { device: 0, offset: 0x110, count: 4 },
  '0a 11 00 10 01 04',
  '04 01 02 03 04',
  hex('01020304'),
);
row(c.writeFruData, { device: 0, offset: 8, data: hex('aabb') }, '0a 12 00 08 00 aa bb', '02', 2);
row(c.getLanConfigurationParameters, { parameter: 3 }, '0c 02 0e 03 00 00', '11 0a 00 00 07', {
  is: 'ipv4',
  address: '10.0.0.7',
});
row(c.getLanConfigurationParameters, { parameter: 4, channel: 1 }, '0c 02 01 04 00 00', '11 02', {
  is: 'ip-source',
  source: 'dhcp',
});
row(c.getLanConfigurationParameters, { parameter: 5 }, '0c 02 0e 05 00 00', '11 52 54 00 12 34 56', {
  address: '52:54:00:12:34:56',
});
row(c.getLanConfigurationParameters, { parameter: 20 }, '0c 02 0e 14 00 00', '11 64 80', {
  is: 'vlan',
  id: 100,
});
row(c.getLanConfigurationParameters, { parameter: 23 }, '0c 02 0e 17 00 00', '11 00 03 11', { ids: [3, 17] });
row(c.getLanConfigurationParameters, { parameter: 24 }, '0c 02 0e 18 00 00', '11 00 42 03', {
  levels: [2, 4, 3, 0],
});
row(c.getUserAccess, { user: 2, channel: 1 }, '06 44 01 02', '0f 43 01 34', {
  mostUsers: 15,
  enabledUsers: 3,
  status: 'enabled',
  fixedNames: 1,
  ipmiMessaging: true,
  linkAuthentication: true,
  limit: 'administrator',
});
row(c.getUserName, { user: 2 }, '06 46 02', '61 64 6d 69 6e 00 00 00 00 00 00 00 00 00 00 00', 'admin');
row(c.getChannelInfo, {}, '06 42 0e', '01 04 01 81 f2 1b 00 00 00', {
  channel: 1,
  medium: '802.3 LAN',
  protocol: 'IPMB 1.0',
  sessions: 'many',
  activeSessions: 1,
  vendorId: 7154,
});
row(
  c.getChannelAuthenticationCapabilities,
  { level: 'administrator' },
  '06 38 8e 04',
  '01 97 04 03 00 00 00 00',
  {
    ipmi20: true,
    ipmi15: true,
    authenticationTypes: ['none', 'md2', 'md5', 'password'],
    namedUsers: true,
    anonymous: false,
    bmcKey: false,
  },
);
row(c.getChannelCipherSuites, { index: 0 }, '06 54 0e 00 80', '01 c0 11 03 44 81', hex('c011034481'));
row(c.getChannelAccess, { channel: 1 }, '06 41 01 80', '22 04', {
  mode: 'always',
  alerting: false,
  perMessageAuthentication: true,
  userLevelAuthentication: true,
  limit: 'administrator',
});
row(c.getChannelAccess, { which: 'kept' }, '06 41 0e 40', '1f 0f', { mode: undefined, limit: 'none' });
row(c.dcmiGetCapabilities, undefined, '2c 01 dc 01', 'dc 01 05 02 00 01 3a', {
  version: '1.5',
  powerManagement: true,
  systemInterface: false,
  serial: true,
  primaryLan: true,
  secondaryLan: false,
  vlan: true,
});
row(
  c.dcmiGetPowerReading,
  undefined,
  '2c 02 dc 01 00 00',
  'dc 64 00 32 00 c8 00 6e 00 78 56 34 52 e8 03 00 00 40',
  { watts: 100, leastWatts: 50, mostWatts: 200, averageWatts: 110, period: 1000, active: true },
);
row(c.activatePayload, {}, '06 48 01 01 c6 00 00 00', '00 00 00 00 20 00 40 00 6f 02 ff ff', {
  mostToBmc: 32,
  mostFromBmc: 64,
  port: 623,
  vlan: undefined,
});
row(c.deactivatePayload, {}, '06 49 01 01 00 00 00 00', '');
row(
  c.getSessionInfo,
  { is: 'current' },
  '06 3d 00',
  '01 10 02 02 04 11 7f 00 00 01 00 00 00 00 00 00 39 30',
  {
    most: 16,
    active: 2,
    session: {
      handle: 1,
      user: 2,
      level: 4,
      channel: 1,
      rmcpPlus: true,
      from: { address: '127.0.0.1', mac: '00:00:00:00:00:00', port: 12345 },
    },
  },
);
row(c.getSessionInfo, { is: 'id', id: 0x0102_0304 }, '06 3d ff 04 03 02 01', '00 10 01', {
  active: 1,
  session: undefined,
});
row(c.closeSession, { id: 0x0102_0304 }, '06 3c 04 03 02 01', '');
row(c.rawCommand(0x2e, 0x01), hex('010203'), '2e 01 01 02 03', 'ff 00', hex('ff00'));

for (const { command, args, asks, answer, means } of rows) {
  void t.test(`${command.name}: ${asks}`, async (t) => {
    const carrier = new CannedCarrier(() => answer);
    const result = await runCommand(carrier, command, args, never);
    const question = carrier.asked[0]!;
    t.equal(toHex(Uint8Array.of(question.netFn, question.command, ...question.data)), asks.replace(/ /g, ''));
    if (means === undefined) t.equal(result, undefined);
    else if (typeof means === 'object' && !Array.isArray(means)) t.match(result, means);
    else t.same(result, means);
  });
}

void t.test('junk is an answer that means something, or one clear error of the peer', async () => {
  const commands = [...new Map(rows.map((each) => [each.command.name, each])).values()];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...commands),
      fc.uint8Array({ maxLength: 40 }),
      fc.boolean(),
      async ({ command, args, answer }, junk, likely) => {
        const good = hex(answer);
        // Half of them: the right answer, cut and with changed bytes.
        const data = likely ? good.map((byte, n) => byte ^ (junk[n] ?? 0)).subarray(0, junk.length) : junk;
        const carrier = new CannedCarrier(() => [0, data]);
        try {
          await runCommand(carrier, command, args, never);
          return true;
        } catch (error) {
          return error instanceof NsError && error.family === 'peer';
        }
      },
    ),
    { numRuns: 3000 },
  );
});

void t.test('an answer without data is an error where data are due', async (t) => {
  for (const { command, args, answer } of rows) {
    if (answer === '' || command.name.startsWith('command ')) continue;
    await t.rejects(runCommand(new CannedCarrier(() => [0, new Uint8Array(0)]), command, args, never), {
      code: 'NS_BYTES_SHORT',
    });
  }
});

void t.test('a completion code of its own has the words of the command', async (t) => {
  const carrier = new CannedCarrier(() => [0x80, new Uint8Array(0)]);
  await t.rejects(runCommand(carrier, c.activatePayload, {}, never), {
    code: 'NS_IPMI_COMPLETION',
    message: /open elsewhere \(80h\)/,
  });
});

void t.test('what a command has no place for is refused before anything is sent', async (t) => {
  const refused: (() => Uint8Array)[] = [
    () => c.getSensorReading.encode({ sensor: 256 }),
    () => c.chassisIdentify.encode(seconds(300)),
    () => c.setWatchdogTimer.encode({ use: 'oem', action: 'none', initial: minutes(120) }),
    () => c.addSelEntry.encode({ record: new Uint8Array(15) }),
    () => c.setSelTime.encode(2 ** 32),
    () => c.getUserAccess.encode({ user: 0 }),
    () => c.getSdr.encode({ reservation: 0, record: 0, offset: 0, count: 0 }),
  ];
  for (const encode of refused) t.throws(encode, { code: 'NS_IPMI_ARGUMENT', family: 'caller' });
});

void t.test('boot options are read back as they were written', async () => {
  const option = fc.oneof(
    fc.record({
      is: fc.constant('boot-flags' as const),
      flags: fc.record({
        valid: fc.boolean(),
        persistent: fc.boolean(),
        efi: fc.boolean(),
        device: fc.constantFrom(...(Object.keys(c.BOOT_DEVICE) as c.BootDevice[])),
        clearCmos: fc.boolean(),
        lockKeyboard: fc.boolean(),
        screenBlank: fc.boolean(),
        lockResetButton: fc.boolean(),
        lockPowerButton: fc.boolean(),
        lockSleepButton: fc.boolean(),
        bypassPassword: fc.boolean(),
        forceProgressTraps: fc.boolean(),
        verbosity: fc.constantFrom('bios-default' as const, 'quiet' as const, 'verbose' as const),
        consoleRedirection: fc.constantFrom('bios-default' as const, 'suppress' as const, 'enable' as const),
        deviceInstance: fc.integer({ min: 0, max: 31 }),
      }),
    }),
    fc.record({
      is: fc.constant('valid-bit-clearing' as const),
      kept: fc.record({
        onPefReset: fc.boolean(),
        after60s: fc.boolean(),
        onWatchdog: fc.boolean(),
        onResetButton: fc.boolean(),
        onPowerButton: fc.boolean(),
      }),
    }),
  );
  fc.assert(
    fc.property(option, (written) => {
      const { parameter, data } = c.encodeBootOption(written);
      return isDeepStrictEqual(
        structuredClone(c.decodeBootOption(parameter, data)),
        structuredClone(written),
      );
    }),
  );
});

void t.test('a list of cipher suites is read up to where it makes no sense', (t) => {
  t.match(c.decodeCipherSuites(hex('c0 03 01 41 81 c0 11 03 44 81 c1 80 57 01 00 02 42 82')), [
    { id: 3, oem: undefined, authentication: [1], integrity: [1], confidentiality: [1] },
    { id: 17, authentication: [3], integrity: [4], confidentiality: [1] },
    { id: 0x80, oem: 0x157, authentication: [2] },
  ]);
  t.match(c.decodeCipherSuites(hex('c0 03 01 41 81 07 07')), [{ id: 3 }]);
  t.same(c.decodeCipherSuites(hex('07')), []);
  t.throws(() => c.decodeCipherSuites(hex('c1 80 57')), { code: 'NS_BYTES_SHORT' });
  t.end();
});
