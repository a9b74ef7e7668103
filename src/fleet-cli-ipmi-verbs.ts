import { milliseconds, NsError, seconds, toHex } from './base/index.ts';
import { parseCount, parseWait } from './fleet/index.ts';
import { usage } from './fleet-cli-ipmi-access.ts';
import {
  fields,
  powerLine,
  showChannel,
  showChassisStatus,
  showDeviceId,
  showFru,
  showGuid,
  showLan,
  showPowerReading,
  showSelfTest,
  showSelInfo,
  showSession,
  showUsers,
  showWatchdog,
} from './fleet-cli-ipmi-show.ts';
import {
  inUnits,
  type SensorWithThresholds,
  showReadings,
  showSdr,
  showSel,
  showSensors,
} from './fleet-cli-ipmi-show-log.ts';
import { commands, type IpmiClient, IpmiCompletion, type SensorNow } from './ipmi/index.ts';

export interface VerbAnswer {
  /** For --json; bytes become hexadecimal digits. */
  readonly result: unknown;
  readonly lines: readonly string[];
}

export interface IpmiVerb {
  /** As typed: "power off". */
  readonly name: string;
  /** What is asked before it is done to many hosts: "Switch off"; undefined for what does no harm. */
  readonly harm?: string;
  readonly run: (client: IpmiClient, signal: AbortSignal) => Promise<VerbAnswer>;
}

const plain = <T>(
  name: string,
  ask: (client: IpmiClient, signal: AbortSignal) => Promise<T>,
  show: (result: T) => readonly string[],
): IpmiVerb => ({
  name,
  run: async (client, signal) => {
    const result = await ask(client, signal);
    return { result, lines: show(result) };
  },
});

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

export const selInfo = (): IpmiVerb =>
  plain('sel info', (client, signal) => client.selInfo(signal), showSelInfo);

/** Names of sensors make a log readable; a BMC that does not give them does not spoil it. */
export const selList = (): IpmiVerb => ({
  name: 'sel list',
  run: async (client, signal) => {
    const records = await client.sel(signal);
    const sdr = await client.sdr(signal).catch(unlessRefused);
    return { result: records, lines: showSel(records, sdr ?? []) };
  },
});

export const selClear = (): IpmiVerb => ({
  name: 'sel clear',
  harm: 'Erase the event log of',
  run: async (client, signal) => {
    await client.clearSel(signal);
    return { result: {}, lines: ['SEL cleared'] };
  },
});

export function selDelete(id: string | undefined): IpmiVerb {
  if (id === undefined) throw usage('name the record: its id as "sel list" shows it');
  const record = parseNumber(id, 'record id', 0xffff, 16);
  return {
    name: 'sel delete',
    harm: `Delete the record ${id} of the event log of`,
    run: async (client, signal) => {
      const reservation = await client.run(commands.reserveSel, undefined, signal);
      const deleted = await client.run(commands.deleteSelEntry, { reservation, record }, signal);
      return { result: { deleted }, lines: [`Deleted entry 0x${deleted.toString(16).padStart(4, '0')}`] };
    },
  };
}

export const sdrList = (): IpmiVerb => ({
  name: 'sdr list',
  run: async (client, signal) => {
    const readings = await client.sensors(signal);
    const records = await client.sdr(signal);
    return {
      result: records.map((record) => ({
        ...record,
        reading: readings.find(({ sensor }) => sensor.record === record.record)?.reading,
      })),
      lines: showSdr(records, readings),
    };
  },
});

export function sensor(what: string, name: string | undefined): IpmiVerb {
  if (what !== 'list' && what !== 'get') throw usage(`"sensor ${what}" is not known; list, or get NAME`);
  if (what === 'get' && name === undefined) throw usage('name the sensor: sensor get NAME');
  return {
    name: `sensor ${what}`,
    run: async (client, signal) => {
      const all = await client.sensors(signal);
      const chosen = what === 'get' ? all.filter((each) => each.sensor.name === name) : all;
      if (what === 'get' && chosen.length === 0) {
        const names = all.map((each) => each.sensor.name).join(', ');
        throw new NsError('NS_IPMI_NO_SENSOR', `no sensor has the name "${name}"; there are: ${names}`, {
          family: 'peer',
        });
      }
      const sensors: SensorWithThresholds[] = [];
      for (const each of chosen) sensors.push(await withThresholds(client, each, signal));
      const result = sensors.map((each) => ({
        ...each.sensor,
        reading: each.reading,
        thresholds: each.thresholds,
      }));
      return { result, lines: showSensors(sensors) };
    },
  };
}

async function withThresholds(
  client: IpmiClient,
  now: SensorNow,
  signal: AbortSignal,
): Promise<SensorWithThresholds> {
  const { sensor: each } = now;
  if (each.is !== 'full' || each.readable.length === 0 || now.reading.is === 'none')
    return { ...now, thresholds: undefined };
  const raw = await client.thresholds(each.number, signal).catch(unlessRefused);
  return { ...now, thresholds: raw && inUnits(each, raw) };
}

/** Device 0, and each that the SDR repository knows behind the BMC itself. */
export function fruPrint(id: string | undefined): IpmiVerb {
  const only = id === undefined ? undefined : parseCount(id, 'FRU device', 0, 254);
  return {
    name: 'fru print',
    run: async (client, signal) => {
      const devices = only === undefined ? await fruDevices(client, signal) : [{ device: only, name: '' }];
      const result: unknown[] = [];
      const lines: string[] = [];
      for (const { device, name } of devices) {
        const head = `FRU Device Description : ${name || 'FRU Device'} (ID ${device})`;
        try {
          const { inventory, problems } = await client.fru(device, signal);
          result.push({ device, name, ...inventory, problems });
          const trouble = problems.map(({ area, why }) => ` ${area}: ${why}`);
          lines.push(head, ...showFru(inventory).map((line) => ` ${line}`), ...trouble);
        } catch (error) {
          // One that cannot be read does not hide the others.
          if (devices.length === 1 || !(error instanceof NsError) || error.retryable || signal.aborted)
            throw error;
          result.push({ device, name, fault: { code: error.code, sentence: error.sentence } });
          lines.push(head, ` ${error.sentence}`);
        }
      }
      return { result, lines };
    },
  };
}

async function fruDevices(
  client: IpmiClient,
  signal: AbortSignal,
): Promise<readonly { readonly device: number; readonly name: string }[]> {
  const records = (await client.sdr(signal).catch(unlessRefused)) ?? [];
  const found = new Map([[0, 'Builtin FRU Device']]);
  for (const record of records) {
    if (record.is === 'fru-locator' && record.logical && record.address === 0x20)
      found.set(record.device, record.name);
  }
  return [...found].map(([device, name]) => ({ device, name }));
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
export const sensorReadings = (): IpmiVerb =>
  plain('sensors', (client, signal) => client.sensors(signal), showReadings);

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

function parseNumber(text: string, what: string, most: number, radix = 10): number {
  const match = /^(?:0x([0-9a-fA-F]{1,8})|([0-9a-fA-F]{1,8})h|([0-9a-fA-F]{1,8}))$/.exec(text);
  const [, prefixed, suffixed, bare] = match ?? [];
  const value =
    bare === undefined
      ? Number.parseInt(prefixed ?? suffixed ?? 'x', 16)
      : radix === 10 && !/^\d+$/.test(bare)
        ? Number.NaN
        : Number.parseInt(bare, radix);
  if (!(value >= 0 && value <= most)) {
    throw usage(`"${text}" is no ${what}; write a number up to 0x${most.toString(16)}`);
  }
  return value;
}

function unlessRefused(error: unknown): undefined {
  if (error instanceof IpmiCompletion) return undefined;
  throw error;
}
