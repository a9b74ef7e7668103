import { asNsError, type NsError } from '../../base/index.ts';
import { type OrderOutcome, type OrderRun, stagedTotal, timingOf } from '../../fleet/index.ts';
import type { ArgsOf, Order, ResultOf, Verb } from '../../protocol/index.ts';
import { type Desk, deskFor } from './desk.ts';
import { type OrderControl, placesOf, timingIn, type WriteControl } from './options.ts';
import { type HostOutcome, notSent, outcomeOf } from './outcome.ts';
import { type HostWork, Run, type Tell } from './run.ts';
import { hostsOf, type Site, stopOf } from './site.ts';
import type { Stop } from './stops.ts';

/** Hosts by name, range, list or @group, as the command has them: "rack[1-4]", ["rack1", "@db"], "@all". */
export type Hosts = string | readonly string[];

/** Orders to these hosts, by this work; what goes wrong before an order is sent is the outcome of its host. */
export function launch<R>(
  site: Site,
  hosts: readonly string[],
  control: OrderControl,
  { signal, release }: Stop,
  work: HostWork<R>,
): Run<R> {
  const careful: HostWork<R> = async (host, tell) => {
    try {
      return await work(host, tell);
    } catch (error) {
      signal.throwIfAborted();
      return notSent(host, asNsError(error));
    }
  };
  const places = { turnstile: site.turnstile, atOnce: placesOf(control.atOnce, site.atOnce) };
  const run = new Run(hosts, careful, places, signal);
  run.then(release, release);
  return run;
}

/** Told of on the way, to its end. */
export async function follow<V extends Verb>(run: OrderRun<V>, tell: Tell): Promise<OrderOutcome<V>> {
  for await (const event of run.events()) {
    tell.onEvent(event);
    if (event.event === 'progress' && event.total !== undefined) {
      tell.onProgress({ done: event.done, total: event.total, unit: event.unit });
    }
  }
  return run.outcome;
}

/** The token of an order that its device did not take is free again. */
export async function settleToken(
  { release }: Pick<Desk, 'release'>,
  outcome: OrderOutcome,
  order: Uint8Array,
): Promise<void> {
  if (outcome.is === 'rejected' && outcome.refusal.code !== 'TOKEN_SPENT') await release(order);
}

/** What the orders of one run have in common. */
export interface Common {
  readonly hosts: readonly string[];
  /** What ends them all; whoever launches them lets it go. */
  readonly stop: Stop;
  /** Second signature and tokens, looked for once, before the first order. */
  readonly desk: () => Promise<Desk>;
  readonly options: {
    readonly signal: AbortSignal;
    readonly timing: ReturnType<typeof timingIn>;
    readonly effect?: Uint8Array;
    readonly untilEnded?: boolean;
  };
}

/** NS_HOSTS_INVALID, NS_USAGE. `order` is asked for when the first host's turn has come. */
export function common(
  site: Site,
  hosts: Hosts,
  control: WriteControl,
  verb: Verb,
  order: () => Promise<Pick<Order, 'verb' | 'args'>>,
  staged: Parameters<typeof stagedTotal>[0] = {},
): Common {
  const names = hostsOf(site, hosts, control.allBut);
  const { untilEnded, approve } = control;
  const total = untilEnded === true ? stagedTotal(staged) : undefined;
  const timing = { ...timingOf(verb), ...(total === undefined ? {} : { total }), ...timingIn(control) };
  placesOf(control.atOnce, site.atOnce);
  const stop = stopOf(site, control.signal);
  let desk: Promise<Desk> | undefined;
  return {
    hosts: names,
    stop,
    desk: () => {
      desk ??= order().then((wanted) => deskFor(site, wanted, names, control.twoPeople));
      return desk;
    },
    options: {
      signal: stop.signal,
      timing,
      ...(approve === undefined ? {} : { effect: approve }),
      ...(untilEnded === undefined ? {} : { untilEnded }),
    },
  };
}

/** One order to each host. `project` makes what the caller gets of its result. */
export function give<V extends Verb, R>(
  site: Site,
  hosts: Hosts,
  verb: V,
  args: ArgsOf<V>,
  control: WriteControl,
  project: (result: ResultOf<V>) => R,
): Run<R> {
  const order = { verb, args } as Pick<Order, 'verb' | 'args'>;
  const shared = common(site, hosts, control, verb, async () => order, args as object);
  return launch<R>(site, shared.hosts, control, shared.stop, async (host, tell) => {
    const desk = await shared.desk();
    const run = await site.engine.order(host, verb, args, { ...shared.options, ...desk.options });
    const outcome = await follow(run, tell);
    await settleToken(desk, outcome, run.id);
    return outcomeOf(host, verb, outcome, site.receiptOf, project);
  });
}

/** An outcome of the engine, and what went wrong here, as the caller gets it. */
export function ended<V extends Verb, R>(
  site: Site,
  host: string,
  verb: V,
  outcome: OrderOutcome<V>,
  project: (result: ResultOf<V>) => R | undefined,
  fault?: NsError,
): HostOutcome<R> {
  return outcomeOf(host, verb, outcome, site.receiptOf, project, fault);
}
