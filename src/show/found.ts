import { toHex } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { counted, modeText, table, timeText } from './text.ts';

type Found = ResultOf<'file.find'>;

const directories = (count: number): string => (count === 1 ? '1 directory' : `${count} directories`);
const matches = (count: number): string => (count === 1 ? '1 match' : `${count} matches`);

/** Matches, what was passed over, and how much was looked at. */
export function showFound(found: Found, long: boolean): string[] {
  const { visited, skipped, more = 0, next } = found;
  const passed = skipped.length + more;
  return [
    `${matches(found.matches.length)} among ${counted(visited.files, 'file')} in ${directories(visited.directories)}`,
    ...(long ? table(found.matches.map(row), [2]) : found.matches.map(named)),
    ...(next === undefined ? [] : ['… the search was not at its end']),
    ...(passed === 0 ? [] : [`PASSED OVER: ${passed}, which may hold more`]),
    ...skipped.map(({ path, why }) => `  ${path}: ${why}`),
    ...(more === 0 ? [] : [`  … and ${more} more`]),
  ];
}

function row(match: Found['matches'][number]): string[] {
  const { kind, mode, uid, gid, size, mtime } = match;
  return [modeText(mode, kind), `${uid}:${gid}`, String(size), timeText(mtime), named(match)];
}

function named({ path, raw, kind, at }: Found['matches'][number]): string {
  const bytes = raw === undefined ? '' : ` (not UTF-8: ${toHex(raw)})`;
  const slash = kind === 'directory' && path !== '/' ? '/' : '';
  return `${path}${slash}${bytes}${at === undefined ? '' : ` at byte ${at}`}`;
}
