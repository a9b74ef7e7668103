import { formatBytes, formatDuration, milliseconds, toHex } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { counted, table, timeText } from './text.ts';

type Staged = ResultOf<'staged.list'>;

const WORD: Readonly<Record<string, string>> = { 'file.download': 'put', 'file.delete': 'rm' };

const wordOf = (verb: string): string => WORD[verb] ?? verb;

function orderLines(order: Staged['orders'][number]): string[] {
  const { id, verb, place, size, issuer, receivedAt, state, waits, tries, leftSeconds } = order;
  const left = formatDuration(milliseconds(leftSeconds * 1000));
  const why =
    state === 'running'
      ? 'at work on it now'
      : waits === undefined
        ? 'waits'
        : `waits for ${waits.code}: ${waits.sentence}`;
  return [
    `${toHex(id)}  ${wordOf(verb)} ${place}${size === undefined ? '' : `, ${formatBytes(size)}`}`,
    `  ${why}`,
    `  accepted ${timeText(receivedAt)} from key ${toHex(issuer)}, tried ${counted(tries, 'time')}, dropped in ${left}`,
  ];
}

/** What is staged, and the latest that have ended. */
export function showStaged({ orders, ended, room, next }: Staged): string[] {
  return [
    `${counted(orders.length, 'staged order')}, ${formatBytes(room.used)} of ${formatBytes(room.bytes)}`,
    ...orders.flatMap(orderLines),
    ...(next === undefined ? [] : ['… there is more']),
    ...(ended.length === 0 ? [] : ['ended:']),
    ...table(
      ended.map(({ id, verb, place, outcome, code }) => [
        toHex(id),
        `${outcome}${code === undefined ? '' : ` ${code}`}`,
        `${wordOf(verb)} ${place}`,
      ]),
    ),
  ];
}
