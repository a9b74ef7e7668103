import { hasCode, NsError } from '../../base/index.ts';
import { parseCount } from '../../fleet/index.ts';
import { commands, type IpmiClient, IpmiCompletion, type SensorNow } from '../../ipmi/index.ts';
import { usage } from './ipmi-access.ts';
import { showFru, showSelInfo } from './ipmi-show.ts';
import { inUnits, type SensorWithThresholds, showSdr, showSel, showSensors } from './ipmi-show-log.ts';
import { type IpmiVerb, parseNumber, plain } from './ipmi-verb.ts';

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
          const own = error instanceof IpmiCompletion || hasCode(error, 'NS_IPMI_FRU');
          if (devices.length === 1 || !own) throw error;
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

function unlessRefused(error: unknown): undefined {
  if (error instanceof IpmiCompletion) return undefined;
  throw error;
}
