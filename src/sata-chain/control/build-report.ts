import { createHash } from 'node:crypto';
import { CSI, DSI } from '../registers/chain-registers.ts';
import { reasonOfNumber, stateOfNumber } from '../registers-port/status-word.ts';
import type { EnrolledMembers } from '../registers-port/unit-driver.ts';
import { explainFinding, type SyncFinding } from '../sync/findings.ts';
import type { SyncRecord } from '../sync/record.ts';
import type { TableRow } from '../sync/table.ts';
import type { ArraySummary, ChainQuestion, ChainReport, ChainTrouble, UnitReport } from './report.ts';
import { changeWords, csiFlags, dsiFlags, explainReason, mayAccept, STATE_WORDS } from './words.ts';

/** All that a report is made of. */
export interface ReportParts {
  readonly disk: string;
  readonly chain: string | undefined;
  /** The head's id. */
  readonly head: string;
  /** The head's table. */
  readonly rows: Iterable<TableRow>;
  readonly findings: readonly SyncFinding[];
  readonly inStep: boolean;
  /** Of the head's own register. */
  readonly presentedSectors: number;
  readonly array?: ArraySummary;
  /** By unit: what belongs there, of those whose members are missing or others. */
  readonly enrolled?: ReadonlyMap<string, EnrolledMembers>;
}

/** A chain in words. */
export function buildReport(parts: ReportParts): ChainReport {
  const rows = [...parts.rows].filter(({ departed }) => !departed).sort(byPlace);
  const latest = rows.reduce((most, { heard }) => Math.max(most, heard), 0);
  const heard = heardUnits(rows.map(({ record }) => record));
  const units = rows.map(({ record, heard: order }) =>
    unitReport(record, heard.has(record.unit), order === latest),
  );
  const head = rows.find(({ record }) => record.unit === parts.head)?.record;
  const live = rows.map(({ record }) => record).filter(({ unit }) => heard.has(unit));
  const state = stateOfNumber(head?.state ?? 0);
  const csi = CSI.decode(head?.csi ?? 0);
  const question = questionOf(live);
  return {
    disk: parts.disk,
    ...(parts.chain === undefined ? {} : { chain: parts.chain }),
    state,
    stateWords: STATE_WORDS[state],
    sectors: live.reduce((sum, { drive }) => sum + (drive?.sectors ?? 0), 0),
    presentedSectors: parts.presentedSectors,
    sectorSize: live.find(({ drive }) => drive !== undefined)?.drive?.sectorSize ?? 512,
    held: live.some((record) => CSI.decode(record.csi).held),
    degraded: csi.degraded,
    trouble: troubleOf(live, parts.enrolled),
    ...(parts.array === undefined ? {} : { array: parts.array }),
    units,
    findings: parts.findings.map((finding) => ({ code: finding.is, ...explainFinding(finding) })),
    inStep: parts.inStep,
    ...(question === undefined ? {} : { question }),
  };
}

function byPlace(a: TableRow, b: TableRow): number {
  const difference = (a.record.position ?? Infinity) - (b.record.position ?? Infinity);
  return difference || (a.record.unit < b.record.unit ? -1 : 1);
}

/** From the host down to the first link over which nothing is heard. */
function heardUnits(records: readonly SyncRecord[]): ReadonlySet<string> {
  const heard = new Set<string>();
  for (const record of records) {
    if (record.position === undefined) break;
    heard.add(record.unit);
    if (!record.hearsBelow) break;
  }
  return heard;
}

function unitReport(record: SyncRecord, heard: boolean, latest: boolean): UnitReport {
  const { unit, position, drive, epoch, version } = record;
  const csi = CSI.decode(record.csi);
  const dsi = DSI.decode(record.dsi);
  const state = stateOfNumber(record.state);
  return {
    unit,
    ...(position === undefined ? {} : { position }),
    heard,
    ...(drive === undefined ? {} : { drive }),
    linkUp: csi.speedUp,
    linkDown: csi.speedDown,
    driveLink: dsi.speed,
    dsi: { raw: record.dsi, flags: dsiFlags(record.dsi) },
    csi: { raw: record.csi, flags: csiFlags(record.csi) },
    state,
    stateWords: STATE_WORDS[state],
    epoch,
    version,
    changed: { what: changeWords(record.last, state), afterMs: record.at, latest },
  };
}

function troubleOf(live: readonly SyncRecord[], enrolled: ReportParts['enrolled']): ChainTrouble[] {
  return live.flatMap((record) => {
    const reason = reasonOfNumber(record.fault);
    const dsi = DSI.decode(record.dsi);
    return [
      ...(reason === 'none' ? [] : [explainReason(reason, record, enrolled?.get(record.unit))]),
      ...(dsi.failed ? [failedDrive(record)] : []),
    ];
  });
}

function failedDrive({ unit, position, drive }: SyncRecord): ChainTrouble {
  const which =
    drive === undefined || drive.serial === '' ? 'The drive' : `The drive with serial ${drive.serial}`;
  return {
    code: 'drive-failed',
    sentence: `${which} in unit ${unit}${position === undefined ? '' : ` at place ${position}`} has failed.`,
    remedy: 'Replace it; without a mirror of it, what it held is lost.',
  };
}

/** What an operator would say yes to. Its id changes with anything that the answer depends on. */
function questionOf(live: readonly SyncRecord[]): ChainQuestion | undefined {
  const waiting = live.filter((record) => mayAccept(reasonOfNumber(record.fault)));
  if (waiting.length === 0) return undefined;
  const there = live.map((record) => [record.unit, record.position, record.drive ?? null, record.fault]);
  const id = createHash('sha256').update(JSON.stringify(there)).digest('hex').slice(0, 16);
  const drives = live.flatMap(({ drive }) => drive ?? []);
  const sectors = drives.reduce((sum, drive) => sum + drive.sectors, 0);
  return {
    id,
    sentence: `Are these ${drives.length} drives with ${sectors} sectors, in this order, the whole disk from now on? What missing members held stays lost to the host.`,
  };
}

/** Units that hold the chain up and would take a go-degraded order, the farthest from the host first. */
export function unitsToAsk(rows: Iterable<TableRow>): readonly SyncRecord[] {
  return [...rows]
    .filter(({ departed, record }) => !departed && mayAccept(reasonOfNumber(record.fault)))
    .sort((a, b) => byPlace(b, a))
    .map(({ record }) => record);
}
