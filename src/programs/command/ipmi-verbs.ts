import { milliseconds, seconds, toHex } from '../../base/index.ts';
import { parseCount, parseWait } from '../../fleet/index.ts';
import { commands } from '../../ipmi/index.ts';
import { usage } from './ipmi-access.ts';
import {
  fields,
  powerLine,
  showChannel,
  showChassisStatus,
  showDeviceId,
  showGuid,
  showLan,
  showPowerReading,
  showSelfTest,
  showSession,
  showUsers,
  showWatchdog,
} from './ipmi-show.ts';
import { type IpmiVerb, parseNumber, plain } from './ipmi-verb.ts';

export {
  fruPrint,
  sdrList,
  selClear,
  selDelete,
  selInfo,
  selList,
  sensor,
} from './ipmi-verbs-records.ts';

export const chassisStatus = (): IpmiVerb =>
  plain('chassis-status', (client, signal) => client.chassisStatus(signal), showChassisStatus);

const CONTROL: Readonly<
  Record<string, { readonly control: commands.ChassisControl; readonly word: string; readonly harm?: string }>
> = {
  on: { control: 'on', word: 'Up/On' },
  off: { control: 'off', word: 'Down/Off', harm: 'Switch off' },
  cycle: { control: 'cycle', word: 'Cycle', harm: 'Switch off and on again' },
  reset: { control: 'reset', word: 'Reset', harm: 'Reset' },
  soft: { control: 'soft', word: 'Soft', harm: 'Shut down' },
  diag: { control: 'nmi', word: 'Diag', harm: 'Send a diagnostic interrupt (NMI) to' },
};
export const POWER_ACTIONS = [...Object.keys(CONTROL), 'status'];

export interface PowerVerbOptions {
  /** commander's name of --no-wait. */
  readonly wait: boolean;
  readonly within?: string;
  readonly onIfOff?: true;
}

export function power(action: string, o: PowerVerbOptions): IpmiVerb {
  if (action === 'status') {
    return plain(
      'power status',
      async (client, signal) => ({ powerOn: (await client.chassisStatus(signal)).powerOn }),
      ({ powerOn }) => [powerLine(powerOn)],
    );
  }
  const found = CONTROL[action];
  if (found === undefined) throw usage(`"${action}" is no power action; one of ${POWER_ACTIONS.join(', ')}`);
  const { control, word, harm } = found;
  const options = {
    ...(o.within === undefined ? {} : { within: milliseconds(parseWait(o.within)) }),
    ...(o.onIfOff ? { onIfOff: true } : {}),
  };
  return {
    name: `power ${action}`,
    ...(harm === undefined ? {} : { harm }),
    run: async (client, signal) => {
      if (!o.wait) {
        await client.chassisControl(control, signal);
        return {
          result: { ordered: control, waited: false },
          lines: [`Chassis Power Control: ${word}; not waited for`],
        };
      }
      const { powerOn } = await client.power(control, options, signal);
      return {
        result: { ordered: control, waited: true, powerOn },
        lines: [`Chassis Power Control: ${word}; ${powerLine(powerOn)}`],
      };
    },
  };
}

export function identify(how: string | undefined): IpmiVerb {
  const wanted =
    how === undefined
      ? commands.DEFAULT_IDENTIFY
      : how === 'on' || how === 'off'
        ? how
        : seconds(parseCount(how, 'number of seconds', 1, 255));
  const said = typeof wanted === 'number' ? `for ${wanted / 1000} s` : wanted;
  return {
    name: 'identify',
    run: async (client, signal) => {
      await client.identify(wanted, signal);
      return { result: { identify: wanted }, lines: [`Chassis Identify: ${said}`] };
    },
  };
}

export function policy(wanted: string | undefined): IpmiVerb {
  const known = Object.keys(commands.POWER_RESTORE_POLICY).filter((name) => name !== 'unchanged');
  if (wanted !== undefined && !known.includes(wanted))
    throw usage(`"${wanted}" is no policy; one of ${known.join(', ')}`);
  return {
    name: 'policy',
    run: async (client, signal) => {
      const set = (wanted ?? 'unchanged') as commands.PowerRestorePolicy;
      const supported = await client.setRestorePolicy(set, signal);
      const { restorePolicy } = await client.chassisStatus(signal);
      return {
        result: { restorePolicy, supported },
        lines: fields([
          ['Power Restore Policy', restorePolicy],
          ['Supported chassis power policy', supported.join(' ')],
        ]),
      };
    },
  };
}

export const mc = (what: string): IpmiVerb => {
  if (what === 'info') return plain('mc info', (client, signal) => client.deviceId(signal), showDeviceId);
  if (what === 'guid') return plain('mc guid', (client, signal) => client.systemGuid(signal), showGuid);
  if (what === 'selftest')
    return plain('mc selftest', (client, signal) => client.selfTest(signal), showSelfTest);
  throw usage(`"mc ${what}" is not known; info, guid or selftest`);
};

const BOOT_ALIASES: Readonly<Record<string, commands.BootDevice>> = {
  bios: 'bios-setup',
  safe: 'disk-safe',
  diag: 'diagnostic-partition',
};

export function bootdev(device: string, o: { readonly persistent?: true; readonly efi?: true }): IpmiVerb {
  const name = BOOT_ALIASES[device] ?? device;
  if (!Object.hasOwn(commands.BOOT_DEVICE, name)) {
    const known = [...Object.keys(commands.BOOT_DEVICE), ...Object.keys(BOOT_ALIASES)].join(', ');
    throw usage(`"${device}" is no boot device; one of ${known}`);
  }
  const flags = {
    device: name as commands.BootDevice,
    persistent: o.persistent === true,
    efi: o.efi === true,
  };
  return {
    name: 'bootdev',
    run: async (client, signal) => {
      await client.setBootFlags(flags, signal);
      const how = `${flags.persistent ? ', for every boot' : ', for the next boot'}${flags.efi ? ', EFI' : ''}`;
      return { result: flags, lines: [`Set Boot Device to ${name}${how}`] };
    },
  };
}

const channelOf = (text: string | undefined): commands.ChannelNumber | undefined =>
  text === undefined ? undefined : (parseCount(text, 'channel', 0, 15) as commands.ChannelNumber);

export const lan = (channel?: string): IpmiVerb =>
  plain('lan print', (client, signal) => client.lan(channelOf(channel), signal), showLan);
export const users = (channel?: string): IpmiVerb =>
  plain('user list', (client, signal) => client.users(channelOf(channel), signal), showUsers);
export const channelInfo = (channel?: string): IpmiVerb =>
  plain('channel', (client, signal) => client.channelInfo(channelOf(channel), signal), showChannel);
export const watchdog = (): IpmiVerb =>
  plain('watchdog', (client, signal) => client.watchdog(signal), showWatchdog);
export const dcmiPower = (): IpmiVerb =>
  plain('dcmi power', (client, signal) => client.powerReading(signal), showPowerReading);
export const sessionInfo = (): IpmiVerb =>
  plain('session info', (client, signal) => client.sessionInfo({ is: 'current' }, signal), showSession);

/** Bytes as "0x20", "20h" or "32"; the answer's data behind its completion code. */
export function raw(netFn: string, code: string, data: readonly string[]): IpmiVerb {
  const [fn, command] = [parseNumber(netFn, 'network function', 0x3e), parseNumber(code, 'command', 0xff)];
  if (fn % 2 === 1) throw usage(`${netFn} is the network function of a response; requests have even ones`);
  const bytes = Uint8Array.from(data, (each) => parseNumber(each, 'byte', 0xff));
  return {
    name: 'raw',
    harm: `Send command ${netFn} ${code} to`,
    run: async (client, signal) => {
      const answer = await client.raw(fn, command, bytes, {}, signal);
      return { result: { data: answer }, lines: [toHex(answer).replace(/(..)(?!$)/g, '$1 ')] };
    },
  };
}
