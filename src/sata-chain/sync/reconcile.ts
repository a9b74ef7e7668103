import type { roomIn, SummaryRow, SyncBody } from './message.ts';
import { compareStamps } from './record.ts';
import { FIRST_UNIT, LAST_UNIT, type RangeDigest, type StateTable, type TableRow } from './table.ts';

/** Messages that one message may set off; what is left over is found unequal again at the next exchange. */
const MOST_ANSWERS = 8;
const PARTS = 8;

type Room = ReturnType<typeof roomIn>;

/** The opening of an exchange: one digest over all that is known. */
export function opening(table: StateTable, passOn: boolean): SyncBody {
  return { kind: 'ranges', passOn, ranges: [table.range()] };
}

/** Whether the message says that its sender knows exactly what we know. Undefined where it says nothing of the whole. */
export function inStep(table: StateTable, body: SyncBody): boolean | undefined {
  if (body.kind !== 'ranges') return undefined;
  const whole = body.ranges.find(({ first, last }) => first === FIRST_UNIT && last === LAST_UNIT);
  return whole && isEqual(table.range(), whole);
}

const isEqual = (a: RangeDigest, b: RangeDigest): boolean => a.count === b.count && a.digest === b.digest;

/**
 * What to say to a neighbour that said this; records are merged by the caller. Ranges that differ are cut smaller until
 * they fit a summary; a summary is answered by the records that its sender lacks and by asking for those that we lack.
 */
export function answer(table: StateTable, body: SyncBody, room: Room): readonly SyncBody[] {
  switch (body.kind) {
    case 'ranges':
      return body.ranges
        .filter((range) => !isEqual(table.range(range.first, range.last), range))
        .map((range) => answerRange(table, range, room))
        .slice(0, MOST_ANSWERS);
    case 'summary':
      return answerSummary(table, body, room);
    case 'want':
      return recordsOf(
        body.units.flatMap((unit) => table.row(unit) ?? []),
        room,
      );
    case 'records':
      return [];
  }
}

function answerRange(table: StateTable, { first, last }: RangeDigest, room: Room): SyncBody {
  const rows = table.within(first, last);
  if (rows.length > room.summary) {
    return { kind: 'ranges', passOn: false, ranges: table.split(first, last, Math.min(PARTS, room.ranges)) };
  }
  return {
    kind: 'summary',
    first,
    last,
    rows: rows.map(({ record, epoch, version, departed, digest }) => ({
      unit: record.unit,
      epoch,
      version,
      departed,
      digest,
    })),
  };
}

function answerSummary(
  table: StateTable,
  summary: Extract<SyncBody, { kind: 'summary' }>,
  room: Room,
): readonly SyncBody[] {
  const theirs = new Map<string, SummaryRow>(summary.rows.map((row) => [row.unit, row]));
  const missingThere = table.within(summary.first, summary.last).filter((ours) => {
    const row = theirs.get(ours.record.unit);
    return row === undefined || compareStamps(ours, row) > 0;
  });
  const missingHere = summary.rows.filter((row) => {
    const ours = table.row(row.unit);
    return ours === undefined || compareStamps(row, ours) > 0;
  });
  const wants: SyncBody[] =
    missingHere.length === 0
      ? []
      : [{ kind: 'want', units: missingHere.slice(0, room.want).map(({ unit }) => unit) }];
  return [...wants, ...recordsOf(missingThere, room)].slice(0, MOST_ANSWERS);
}

/** These records in as few messages as they fit. */
export function recordsOf(rows: readonly TableRow[], room: Room): readonly SyncBody[] {
  const messages: SyncBody[] = [];
  for (let at = 0; at < rows.length && messages.length < MOST_ANSWERS; at += room.records)
    messages.push({
      kind: 'records',
      records: rows.slice(at, at + room.records).map(({ record }) => record),
    });
  return messages;
}
