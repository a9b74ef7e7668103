import { formatDuration, toHex } from '../../base/index.ts';
import {
  type commands,
  type Discovery,
  type FruInventory,
  fruRows,
  type LanConfiguration,
  type User,
} from '../../ipmi/index.ts';
import { table, timeText } from '../../show/index.ts';

/** "Label      : value", one under the other. */
export function fields(rows: readonly (readonly [label: string, value: string | undefined])[]): string[] {
  const shown = rows.filter(([, value]) => value !== undefined);
  const width = shown.reduce((widest, [label]) => Math.max(widest, label.length), 0);
  return shown.map(([label, value]) => `${label.padEnd(width)} : ${value}`.trimEnd());
}

export const hex = (value: number, digits = 2): string => `0x${value.toString(16).padStart(digits, '0')}`;
const yes = (is: boolean): string => (is ? 'true' : 'false');
const active = (is: boolean): string => (is ? 'active' : 'inactive');

export const powerLine = (on: boolean): string => `Chassis Power is ${on ? 'on' : 'off'}`;

export function showChassisStatus(status: commands.ChassisStatus): string[] {
  const { lastPowerEvent: last } = status;
  const events = [
    last.acFailed ? 'ac-failed' : '',
    last.overload ? 'overload' : '',
    last.interlock ? 'interlock' : '',
    last.fault ? 'fault' : '',
    last.onByIpmi ? 'command' : '',
  ].filter((event) => event !== '');
  return fields([
    ['System Power', status.powerOn ? 'on' : 'off'],
    ['Power Overload', yes(status.overload)],
    ['Power Interlock', active(status.interlock)],
    ['Main Power Fault', yes(status.powerFault)],
    ['Power Control Fault', yes(status.powerControlFault)],
    ['Power Restore Policy', status.restorePolicy],
    ['Last Power Event', events.join(' ')],
    ['Chassis Intrusion', active(status.intrusion)],
    ['Front-Panel Lockout', active(status.frontPanelLockout)],
    ['Drive Fault', yes(status.driveFault)],
    ['Cooling/Fan Fault', yes(status.coolingFault)],
    ['Chassis Identify', status.identify],
  ]);
}

export const showDeviceId = (id: commands.DeviceId): string[] =>
  fields([
    ['Device ID', String(id.deviceId)],
    ['Device Revision', String(id.deviceRevision)],
    ['Firmware Revision', id.firmware],
    ['IPMI Version', id.ipmiVersion],
    ['Manufacturer ID', String(id.manufacturerId)],
    ['Product ID', `${id.productId} (${hex(id.productId, 4)})`],
    ['Device Available', id.available ? 'yes' : 'no'],
    ['Provides Device SDRs', id.providesSdrs ? 'yes' : 'no'],
    ['Aux Firmware Rev Info', id.auxiliaryFirmware && `0x${toHex(id.auxiliaryFirmware)}`],
  ]);

export const showGuid = (guid: commands.Guid): string[] =>
  fields([
    ['System GUID', guid.unset ? 'not set' : guid.ipmi],
    ['as SMBIOS has it', guid.unset ? undefined : guid.smbios],
  ]);

export function showSelfTest(result: commands.SelfTest): string[] {
  switch (result.is) {
    case 'passed':
      return ['Selftest: passed'];
    case 'not-implemented':
      return ['Selftest: not implemented'];
    case 'broken':
      return ['Selftest: device error', ...result.parts.map((part) => `  ${part}`)];
    case 'fatal':
      return [`Selftest: fatal hardware error ${hex(result.detail)}`];
    case 'other':
      return [`Selftest: device-specific (${hex(result.code)} ${hex(result.detail)})`];
  }
}

/** Why a BMC counts from its start: it was never told the time. */
export const bmcTime = (seconds: number): string =>
  seconds === 0xffff_ffff
    ? 'not known'
    : seconds < 0x2000_0000
      ? `${seconds} s after start`
      : timeText(seconds);

export const showSelInfo = (info: commands.SelInfo): string[] =>
  fields([
    ['Version', info.version],
    ['Entries', String(info.entries)],
    ['Free Space', `${info.freeBytes} bytes`],
    ['Last Add Time', bmcTime(info.lastAddition)],
    ['Last Del Time', bmcTime(info.lastErase)],
    ['Overflow', yes(info.overflow)],
    ['Can Delete', yes(info.canDelete)],
    ['Can Reserve', yes(info.canReserve)],
  ]);

export const showFru = (inventory: FruInventory): string[] => fields(fruRows(inventory, timeText));

const LAN_LABELS: Readonly<Record<string, string>> = {
  setInProgress: 'Set in Progress',
  authenticationTypes: 'Auth Type Support',
  authenticationEnables: 'Auth Type Enable',
  ipAddress: 'IP Address',
  ipSource: 'IP Address Source',
  macAddress: 'MAC Address',
  subnetMask: 'Subnet Mask',
  gatewayAddress: 'Default Gateway IP',
  gatewayMac: 'Default Gateway MAC',
  backupGatewayAddress: 'Backup Gateway IP',
  backupGatewayMac: 'Backup Gateway MAC',
  community: 'SNMP Community String',
  vlanId: '802.1q VLAN ID',
  vlanPriority: '802.1q VLAN Priority',
  cipherSuiteCount: 'RMCP+ Cipher Suite Count',
  cipherSuites: 'RMCP+ Cipher Suites',
  cipherSuiteLevels: 'Cipher Suite Priv Max',
};

function lanText(value: commands.LanParameter): string {
  switch (value.is) {
    case 'ipv4':
    case 'mac':
      return value.address;
    case 'ip-source':
      return value.source;
    case 'community':
      return value.text;
    case 'vlan':
      return value.id === undefined ? 'Disabled' : String(value.id);
    case 'vlan-priority':
      return String(value.priority);
    case 'cipher-suite-count':
      return String(value.count);
    case 'cipher-suites':
      return value.ids.join(',');
    case 'cipher-suite-levels':
      return value.levels.map((level) => 'Xcuoa'[level] ?? 'O').join('');
    case 'other':
      return `0x${toHex(value.data)}`;
    default:
      return '';
  }
}

export const showLan = (lan: LanConfiguration): string[] =>
  fields(
    Object.entries(lan).map(([name, value]): [string, string] => [LAN_LABELS[name] ?? name, lanText(value)]),
  );

export const showUsers = (users: readonly User[]): string[] =>
  table(
    [
      ['ID', 'Name', 'Enabled', 'Callin', 'Link Auth', 'IPMI Msg', 'Channel Priv Limit'],
      ...users.map(({ id, name, access }) => [
        String(id),
        name,
        access.status,
        yes(!access.onlyCallback),
        yes(access.linkAuthentication),
        yes(access.ipmiMessaging),
        access.limit,
      ]),
    ],
    [0],
  );

export const showChannel = (channel: commands.ChannelInfo): string[] =>
  fields([
    ['Channel', hex(channel.channel)],
    ['Channel Medium Type', channel.medium],
    ['Channel Protocol Type', channel.protocol],
    ['Session Support', channel.sessions],
    ['Active Session Count', String(channel.activeSessions)],
    ['Protocol Vendor ID', String(channel.vendorId)],
  ]);

export const showWatchdog = (timer: commands.WatchdogTimer): string[] =>
  fields([
    ['Watchdog Timer Use', timer.use ?? 'reserved'],
    ['Watchdog Timer Is', timer.running ? 'Started/Running' : 'Stopped'],
    ['Watchdog Timer Logging', timer.logs ? 'On' : 'Off'],
    ['Watchdog Timer Action', timer.action ?? 'reserved'],
    ['Pre-timeout interrupt', timer.preTimeoutInterrupt ?? 'reserved'],
    ['Pre-timeout interval', formatDuration(timer.preTimeout)],
    ['Timer Expiration Flags', timer.expired.join(' ') || 'none'],
    ['Initial Countdown', formatDuration(timer.initial)],
    ['Present Countdown', timer.left && formatDuration(timer.left)],
  ]);

export const showPowerReading = (reading: commands.PowerReading): string[] =>
  fields([
    ['Instantaneous power reading', `${reading.watts} Watts`],
    ['Minimum during sampling period', `${reading.leastWatts} Watts`],
    ['Maximum during sampling period', `${reading.mostWatts} Watts`],
    ['Average power reading over sample period', `${reading.averageWatts} Watts`],
    ['IPMI timestamp', bmcTime(reading.at)],
    ['Sampling period', formatDuration(reading.period)],
    ['Power reading state is', reading.active ? 'activated' : 'deactivated'],
  ]);

export function showSession({ most, active: count, session }: commands.SessionInfo): string[] {
  const from = session?.from;
  return fields([
    ['slot count', String(most)],
    ['active sessions', String(count)],
    ['session handle', session && String(session.handle)],
    ['user id', session && String(session.user)],
    [
      'privilege level',
      session && (['', 'CALLBACK', 'USER', 'OPERATOR', 'ADMINISTRATOR'][session.level] ?? hex(session.level)),
    ],
    ['session type', session && (session.rmcpPlus ? 'IPMIv2/RMCP+' : 'IPMIv1.5')],
    ['channel number', session && hex(session.channel)],
    ['console ip', from?.address],
    ['console mac', from?.mac],
    ['console port', from && String(from.port)],
  ]);
}

export function showDiscovery({ capabilities, suites }: Discovery): string[] {
  return [
    ...fields([
      ['Channel', String(capabilities.channel)],
      ['IPMI 2.0 (RMCP+)', capabilities.ipmi20 ? 'yes' : 'no'],
      ['IPMI 1.5', capabilities.ipmi15 ? 'yes' : 'no'],
      ['IPMI 1.5 auth types', capabilities.authenticationTypes.join(' ')],
      ['BMC key (Kg) set', capabilities.bmcKey ? 'yes' : 'no'],
      ['Anonymous login', capabilities.anonymous ? 'ENABLED: anybody gets in' : 'no'],
      ['Null user names', capabilities.namelessUsers ? 'enabled' : 'no'],
      ['Cipher suites', suites === undefined ? 'not told' : suites.map(({ id }) => id).join(',')],
      ['OEM ID', capabilities.oemId === 0 ? undefined : String(capabilities.oemId)],
    ]),
    ...(suites?.some(({ id }) => id === 0)
      ? ['Cipher suite 0 is offered: whoever asks for it needs no password']
      : []),
  ];
}
