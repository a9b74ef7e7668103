import type { ArgsOf, ResultOf } from '../protocol/index.ts';
import { clean } from '../show/index.ts';
import { answerTable } from './answer-table.ts';
import { chainViews } from './chain-view.ts';
import type { FleetDoor, LookVerb } from './fleet-door.ts';
import { statusFacts } from './host-facts.ts';
import type { AskBody, PageAnswer, Question } from './wire.ts';

const AUDIT_PAGE = 64;

interface Asked<V extends LookVerb> {
  readonly verb: V;
  /** Undefined where `after` makes no sense for the question. */
  readonly args: (after: string | undefined) => ArgsOf<V> | undefined;
  readonly next: (result: ResultOf<V>) => string | undefined;
  /** What the page draws, beside the table. */
  readonly drawn?: (result: ResultOf<V>, now: number) => Partial<PageAnswer>;
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

const STATUS: Asked<'machine.status'> = {
  ...whole('machine.status', {}),
  drawn: (result, now) => ({ facts: statusFacts(result, now) }),
};

/** The chains have their pages together: what is left of any of them follows. */
const CHAIN: Asked<'chain.status'> = {
  verb: 'chain.status',
  args: (after) => {
    if (after === undefined) return {};
    return /^\d{1,6}$/.test(after) ? { after: Number(after) } : undefined;
  },
  next: ({ chains }) => {
    const left = chains.flatMap(({ next }) => next ?? []);
    return left.length === 0 ? undefined : String(Math.min(...left));
  },
  drawn: (result) => ({ chains: chainViews(result) }),
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
  { verb, args, next, drawn }: Asked<V>,
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
    ...(result === undefined ? {} : drawn?.(result, now())),
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
  status: of(STATUS),
  volumes: of(VOLUMES),
  chain: of(CHAIN),
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
