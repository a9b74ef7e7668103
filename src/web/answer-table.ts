import { formatBytes, toHex } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { clean, timeText } from '../show/index.ts';
import type { LookVerb } from './fleet-door.ts';
import type { AnswerTable } from './wire.ts';

type Tables = {
  readonly [V in LookVerb]: (result: ResultOf<V>) => AnswerTable | undefined;
};

const MAY = { yes: 'yes', stale: 'only as of before it slept', no: 'NO' } as const;

function verdict({ may, why }: ResultOf<'volume.list'>['volumes'][number]['read']): string {
  return why === undefined ? MAY[may] : `${MAY[may]}: ${why.sentence} (${why.code}) ${why.remedy}`;
}

const TABLES: Tables = {
  'machine.status': () => undefined,
  // The page draws it, with a table of its own.
  'chain.status': () => undefined,
  'sensor.read': () => undefined,
  'volume.list': ({ volumes }) => ({
    columns: ['volume', 'type', 'label', 'size', 'read', 'write', 'notes'],
    rows: volumes.map((v) => [
      v.name,
      v.type,
      v.label,
      formatBytes(v.size),
      verdict(v.read),
      verdict(v.write),
      v.notes.join('; '),
    ]),
  }),
  'task.list': ({ tasks }) => ({
    columns: ['task', 'verb', 'state', 'stage', 'done', 'of', 'key'],
    rows: tasks.map((task) => [
      toHex(task.id),
      task.verb,
      task.state,
      task.stage ?? '',
      String(task.done ?? ''),
      String(task.total ?? ''),
      toHex(task.issuer),
    ]),
  }),
  'audit.read': ({ entries }) => ({
    columns: ['entry', 'time', 'event', 'key', 'detail'],
    rows: entries.map((e) => [
      String(e.seq),
      timeText(e.at),
      e.event,
      e.by === undefined ? '' : toHex(e.by),
      e.detail,
    ]),
  }),
};

/** A result as a table, where it is one. Every cell is fit to be shown as text. */
export function answerTable<V extends LookVerb>(verb: V, result: ResultOf<V>): AnswerTable | undefined {
  const table = TABLES[verb](result);
  return table === undefined ? undefined : { ...table, rows: table.rows.map((row) => row.map(clean)) };
}
