import type { ArgsOf, ResultOf } from '../protocol/index.ts';
import { clean } from '../show/index.ts';
import { answerTable } from './answer-table.ts';
import type { FleetDoor, LookVerb } from './fleet-door.ts';
import type { AskBody, PageAnswer, Question } from './wire.ts';

const AUDIT_PAGE = 64;

interface Asked<V extends LookVerb> {
  readonly verb: V;
  /** Undefined where `after` makes no sense for the question. */
  readonly args: (after: string | undefined) => ArgsOf<V> | undefined;
  readonly next: (result: ResultOf<V>) => string | undefined;
}

const whole = <V extends LookVerb>(verb: V, args: ArgsOf<V>): Asked<V> => ({
  verb,
  args: (after) => (after === undefined ? args : undefined),
  next: () => undefined,
});

const VOLUMES: Asked<'volume.list'> = {
  verb: 'volume.list',
  args: (after) => (after === undefined ? {} : { after }),
  next: ({ next }) => next,
};

const AUDIT: Asked<'audit.read'> = {
  verb: 'audit.read',
  args: (after) => {
    if (after === undefined) return { limit: AUDIT_PAGE };
    const from = Number(after);
    return /^\d{1,15}$/.test(after) ? { from, limit: AUDIT_PAGE } : undefined;
  },
  next: ({ next }) => (next === undefined ? undefined : String(next)),
};

async function ask<V extends LookVerb>(
  door: FleetDoor,
  { verb, args, next }: Asked<V>,
  { host, after }: AskBody,
  now: () => number,
  signal: AbortSignal,
): Promise<PageAnswer | undefined> {
  const given = args(after);
  if (given === undefined) return undefined;
  const { reach, lines, result } = await door.look(host, verb, given, signal);
  const table = result === undefined ? undefined : answerTable(verb, result);
  const more = result === undefined ? undefined : next(result);
  return {
    reach,
    lines: lines.map(clean),
    ...(table === undefined ? {} : { table }),
    ...(more === undefined ? {} : { next: more }),
    at: now(),
  };
}

type Ask = (
  door: FleetDoor,
  body: AskBody,
  now: () => number,
  signal: AbortSignal,
) => Promise<PageAnswer | undefined>;

const of =
  <V extends LookVerb>(asked: Asked<V>): Ask =>
  (door, body, now, signal) =>
    ask(door, asked, body, now, signal);

const ASKS: Readonly<Record<Question, Ask>> = {
  status: of(whole('machine.status', {})),
  volumes: of(VOLUMES),
  tasks: of(whole('task.list', {})),
  audit: of(AUDIT),
};

/** One question to one host, by one signed order. Undefined where `after` makes no sense. */
export function askHost(
  door: FleetDoor,
  body: AskBody,
  now: () => number,
  signal: AbortSignal,
): Promise<PageAnswer | undefined> {
  return ASKS[body.question](door, body, now, signal);
}
