import type { ArgsOf, ResultOf } from '../protocol/index.ts';
import { MOST_MATCHES } from '../protocol/index.ts';
import type { Fleet } from './fleet.ts';
import type { OrderEvent } from './order-run.ts';
import type { OrderOptions } from './order-timing.ts';
import type { OrderOutcome } from './outcome.ts';

/** A listing and a search are answered in pages; no more of them than this. */
const MOST_LISTING_PAGES = 200;
const MOST_SEARCH_PAGES = 1000;

export interface PageOptions<V extends 'file.list' | 'file.find'> extends OrderOptions {
  readonly onEvent?: (event: OrderEvent) => void;
  /** The outcome of each page as it comes, each an order and its receipt. */
  readonly onPage?: (outcome: OrderOutcome<V>) => void;
}

type Orders = Pick<Fleet, 'order'>;
type Found = ResultOf<'file.find'>;
type Sum = Omit<Found, 'volume' | 'next'>;

async function page<V extends 'file.list' | 'file.find'>(
  fleet: Orders,
  host: string,
  verb: V,
  args: ArgsOf<V>,
  options: PageOptions<V>,
): Promise<OrderOutcome<V>> {
  const run = await fleet.order(host, verb, args, options);
  for await (const event of run.events()) options.onEvent?.(event);
  const outcome = await run.outcome;
  options.onPage?.(outcome);
  return outcome;
}

/** All pages of a listing; what comes is the sum, with the last receipt, or what the first page without a result came to. */
export async function listAll(
  fleet: Orders,
  host: string,
  args: ArgsOf<'file.list'>,
  options: PageOptions<'file.list'>,
): Promise<OrderOutcome<'file.list'>> {
  const entries: ResultOf<'file.list'>['entries'] = [];
  let after = args.after;
  for (let pages = 1; ; pages += 1) {
    const paged = { ...args, ...(after === undefined ? {} : { after }) };
    const outcome = await page(fleet, host, 'file.list', paged, options);
    const result = outcome.is === 'receipt' ? outcome.result : undefined;
    if (outcome.is !== 'receipt' || result === undefined) return outcome;
    entries.push(...result.entries);
    if (result.next === undefined || result.next === after || pages >= MOST_LISTING_PAGES) {
      return { ...outcome, result: { ...result, entries } };
    }
    after = result.next;
  }
}

/** All pages of a search, or as many matches as `limit`; as `listAll`. */
export async function findAll(
  fleet: Orders,
  host: string,
  args: ArgsOf<'file.find'>,
  limit: number,
  options: PageOptions<'file.find'>,
): Promise<OrderOutcome<'file.find'>> {
  let sum: Sum | undefined;
  let after = args.after;
  for (let pages = 1; ; pages += 1) {
    const left = Math.min(MOST_MATCHES, limit - (sum?.matches.length ?? 0));
    const paged = { ...args, limit: left, ...(after === undefined ? {} : { after }) };
    const outcome = await page(fleet, host, 'file.find', paged, options);
    const result = outcome.is === 'receipt' ? outcome.result : undefined;
    if (outcome.is !== 'receipt' || result === undefined) return outcome;
    sum = sum === undefined ? result : added(sum, result);
    after = result.next;
    if (after === undefined || sum.matches.length >= limit || pages >= MOST_SEARCH_PAGES) {
      return { ...outcome, result: { ...result, ...sum } };
    }
  }
}

function added(a: Sum, b: Found): Sum {
  const more = (a.more ?? 0) + (b.more ?? 0);
  return {
    matches: [...a.matches, ...b.matches],
    visited: {
      directories: a.visited.directories + b.visited.directories,
      files: a.visited.files + b.visited.files,
    },
    skipped: [...a.skipped, ...b.skipped],
    ...(more === 0 ? {} : { more }),
  };
}
