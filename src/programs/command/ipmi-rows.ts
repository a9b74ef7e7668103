import { asNsError } from '../../base/index.ts';
import {
  commands,
  decodeSelRecord,
  type IpmiClient,
  type SensorNow,
  type SweepResult,
} from '../../ipmi/index.ts';
import { faultFields, type IpmiOutcome, outcomeOf } from './ipmi-outcome.ts';
import { powerLine } from './ipmi-show.ts';
import { showReadings } from './ipmi-show-log.ts';

/** What a sweep asks each BMC. */
export interface Wanted {
  readonly power: boolean;
  readonly sensors: boolean;
  readonly sel: boolean;
}

export interface SweepAnswer {
  readonly powerOn?: boolean;
  readonly sensors?: readonly SensorRow[];
  readonly sel?: {
    readonly entries: number;
    readonly overflow: boolean;
    readonly newest: string | undefined;
  };
}

/** A sensor, as far as a sweep shows it. */
export interface SensorRow {
  readonly name: string;
  readonly reading: SensorNow['reading'];
}

/** One host of one sweep, as it is printed, compared with the one before, and sent over a control socket. */
export interface SweepRow {
  readonly host: string;
  readonly outcome: IpmiOutcome;
  readonly result?: SweepAnswer;
  readonly fault?: Readonly<Record<string, unknown>>;
  readonly tookMs?: number;
  /** Not asked: the fault is of an earlier sweep. */
  readonly setAside?: true;
}

export async function askBmc(client: IpmiClient, wanted: Wanted, signal: AbortSignal): Promise<SweepAnswer> {
  const { powerOn } = wanted.power ? await client.chassisStatus(signal) : { powerOn: undefined };
  const sensors = wanted.sensors ? await client.sensors(signal) : undefined;
  return {
    ...(powerOn === undefined ? {} : { powerOn }),
    ...(sensors === undefined
      ? {}
      : { sensors: sensors.map(({ sensor, reading }) => ({ name: sensor.name, reading })) }),
    ...(wanted.sel ? { sel: await askSel(client, signal) } : {}),
  };
}

async function askSel(client: IpmiClient, signal: AbortSignal): Promise<NonNullable<SweepAnswer['sel']>> {
  const { entries, overflow } = await client.selInfo(signal);
  if (entries === 0) return { entries, overflow, newest: undefined };
  const last = await client.run(commands.getSelEntry, { record: commands.LAST_RECORD }, signal);
  const record = decodeSelRecord(last.record);
  const newest = record.is === 'event' ? record.sentence : `OEM record ${record.type}`;
  return { entries, overflow, newest };
}

export function rowOf(result: SweepResult<SweepAnswer>): SweepRow {
  const { host } = result;
  if (result.is === 'answer')
    return { host, outcome: 'succeeded', result: result.answer, tookMs: result.took };
  const fault = asNsError(result.fault);
  const failed = { host, outcome: outcomeOf(fault), fault: faultFields(fault) };
  return result.is === 'fault' ? { ...failed, tookMs: result.took } : { ...failed, setAside: true };
}

export function linesOf({ result, outcome, fault, setAside }: SweepRow): string[] {
  if (result === undefined) {
    return [
      `${outcome}${setAside ? ' (set aside)' : ''}: ${String(fault?.sentence)} [${String(fault?.code)}]`,
    ];
  }
  const { powerOn, sensors, sel } = result;
  return [
    ...(powerOn === undefined ? [] : [powerLine(powerOn)]),
    ...(sensors === undefined
      ? []
      : showReadings(
          sensors.map(({ name, reading }) => ({ sensor: { name } as SensorNow['sensor'], reading })),
        )),
    ...(sel === undefined ? [] : [selLine(sel)]),
  ];
}

const selLine = ({ entries, newest }: NonNullable<SweepAnswer['sel']>): string =>
  `SEL entries: ${entries}${newest === undefined ? '' : `, the newest: ${newest}`}`;

/** What counts as a change from one sweep to the next: not every degree, but every threshold that is crossed. */
export function factsOf(row: SweepRow): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  if (row.result === undefined) {
    facts.set(
      'BMC',
      row.outcome === 'unreachable' ? 'no answer' : `${row.outcome}: ${String(row.fault?.sentence)}`,
    );
    return facts;
  }
  const { powerOn, sensors, sel } = row.result;
  facts.set('BMC', 'answers');
  if (powerOn !== undefined) facts.set('Chassis Power', powerOn ? 'on' : 'off');
  for (const { name, reading } of sensors ?? []) {
    facts.set(
      name,
      reading.is === 'none'
        ? reading.why
        : reading.is === 'states'
          ? `${reading.severity} ${reading.states.join(', ')}`.trimEnd()
          : reading.severity,
    );
  }
  if (sel !== undefined) facts.set('SEL', selLine(sel));
  return facts;
}

/** "Chassis Power: on -> off". A fact that is only missing, because its BMC did not answer, has not changed. */
export function changesOf(
  before: ReadonlyMap<string, string> | undefined,
  after: ReadonlyMap<string, string>,
): string[] {
  return [...after].flatMap(([name, value]) => {
    const was = before?.get(name);
    if (was === value) return [];
    return [was === undefined ? `${name}: ${value}` : `${name}: ${was} -> ${value}`];
  });
}
