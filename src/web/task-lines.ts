import { toHex } from '../base/index.ts';
import type { DeviceEvent, ResultOf } from '../protocol/index.ts';
import { clean } from '../show/index.ts';
import type { TaskEnd, TaskLine } from './host-wire.ts';

/** Tasks that are remembered; of those beyond, the ones that ended first are forgotten first. */
export const MOST_TASKS = 64;
/** Longest text of a line: a device may say up to a kilobyte a field. */
const TEXT = 300;

/** Orders that only look at the device itself, the page's own among them, and are over at once. */
const LOOKS =
  /^(machine\.status|task\.list|audit\.read|staged\.list|chain\.status|sensor\.read|budget\.read|keyring\.read|io\.list)$/;
const ENDS: ReadonlySet<string> = new Set<TaskEnd>([
  'succeeded',
  'failed',
  'refused',
  'cancelled',
  'expired',
  'unknown',
]);

export type TaskLines = ReadonlyMap<string, TaskLine>;
export const NO_TASKS: TaskLines = new Map();

export const hasEnded = ({ state }: TaskLine): boolean => ENDS.has(state);

function text(said: string): string {
  const whole = clean(said);
  return whole.length > TEXT ? `${whole.slice(0, TEXT - 1)}…` : whole;
}

function blank(id: string, at: number): TaskLine {
  return { id, verb: '', by: '', state: 'queued', stage: '', unit: '', why: '', at };
}

function bounded(lines: Map<string, TaskLine>): TaskLines {
  for (const line of [...lines.values()].sort(
    (a, b) => Number(hasEnded(b)) - Number(hasEnded(a)) || a.at - b.at,
  )) {
    if (lines.size <= MOST_TASKS) break;
    lines.delete(line.id);
  }
  return lines;
}

function put(lines: TaskLines, line: TaskLine): TaskLines {
  return bounded(new Map(lines).set(line.id, line));
}

/** The lines after something that the device has said, at `now` in seconds since 1970. The same lines where it is no news. */
export function afterEvent(lines: TaskLines, event: DeviceEvent, now: number): TaskLines {
  if (event.event === 'presence' || event.event === 'offer' || event.event === 'rejected') return lines;
  const id = toHex(event.id);
  const before = lines.get(id) ?? blank(id, now);
  // What a network brings late or twice moves no task back.
  if (hasEnded(before)) return lines;
  switch (event.event) {
    case 'accepted':
      return lines.has(id) ? lines : put(lines, before);
    case 'progress': {
      const { done: _, total: __, ...rest } = before;
      return put(lines, {
        ...rest,
        state: 'running',
        stage: text(event.stage),
        done: event.done,
        ...(event.total === undefined ? {} : { total: event.total }),
        unit: text(event.unit ?? ''),
        at: now,
      });
    }
    case 'staged':
      return put(lines, {
        ...before,
        state: 'staged',
        why: text(`waits, ${event.leftSeconds} s left: ${event.waits.code}: ${event.waits.sentence}`),
        at: now,
      });
    case 'receipt': {
      if (LOOKS.test(event.verb)) return without(lines, id);
      const said = event.refusal ?? event.failure;
      return put(lines, {
        ...before,
        verb: text(event.verb),
        by: text(event.askers?.map(({ name }) => name).join(', ') ?? toHex(event.issuer)),
        state: event.outcome,
        why: said === undefined ? '' : text(`${said.code}: ${said.sentence}`),
        tookMs: event.tookMs,
        at: now,
      });
    }
  }
}

function without(lines: TaskLines, id: string): TaskLines {
  if (!lines.has(id)) return lines;
  const rest = new Map(lines);
  rest.delete(id);
  return rest;
}

/**
 * The lines after the device has listed its tasks, having been asked at `asked`. One that it no longer lists, and whose
 * end was not heard, is left out, unless it was heard of since.
 */
export function afterList(
  lines: TaskLines,
  { tasks }: ResultOf<'task.list'>,
  now: number,
  asked: number = now,
): TaskLines {
  const stays = (line: TaskLine): boolean => hasEnded(line) || line.state === 'staged' || line.at >= asked;
  const next = new Map([...lines].filter(([, line]) => stays(line)));
  for (const { id, verb, state, issuer, stage, done, total } of tasks.slice(0, MOST_TASKS)) {
    const key = toHex(id);
    const heard = lines.get(key);
    if (LOOKS.test(verb) || (heard !== undefined && hasEnded(heard))) continue;
    const { done: _, total: __, ...before } = heard ?? blank(key, now);
    next.set(key, {
      ...before,
      verb: text(verb),
      by: before.by === '' ? `key ${toHex(issuer)}` : before.by,
      state: state === 'running' ? 'running' : 'queued',
      stage: text(stage ?? before.stage),
      ...(done === undefined ? {} : { done }),
      ...(total === undefined ? {} : { total }),
      at: now,
    });
  }
  return bounded(next);
}

/** Those under way first, then those that ended, the latest first. */
export function inOrder(lines: TaskLines): readonly TaskLine[] {
  return [...lines.values()]
    .map((line, place) => ({ line, place }))
    .sort(
      (a, b) =>
        Number(hasEnded(a.line)) - Number(hasEnded(b.line)) ||
        (hasEnded(a.line) ? b.line.at - a.line.at || b.place - a.place : a.place - b.place),
    )
    .map(({ line }) => line);
}
