import { type Duration, hours, seconds } from '../../base/index.ts';

/** Why an order waits: it was refused for now, or its turn behind others for its volume has not come. */
export type Cause = 'refused' | 'turn';

/** One staged order. Times in milliseconds. */
export interface Waiter {
  readonly key: string;
  /** Undefined where it is not known: then it could be any. */
  readonly volume: string | undefined;
  /** Busy: on its way through the desk. */
  readonly is: 'busy' | 'waiting';
  /** Not tried before this moment of the monotonic clock. */
  readonly notBefore: number;
  /** Pause after its last try. */
  readonly gap: number;
  /** Running time since it was accepted, and how much of it there may be. */
  readonly waited: number;
  readonly limit: number;
}

/** All staged orders, in the order in which they were accepted. */
export interface Waiting {
  readonly orders: readonly Waiter[];
  /** The one that is tried. */
  readonly out: string | undefined;
  /** Since when the host is surely off, by the monotonic clock. */
  readonly downSince: number | undefined;
}

export const NOTHING_WAITS: Waiting = { orders: [], out: undefined, downSince: undefined };

/** A host that was just switched off may be on its way to S0 again, and its drives to rest. */
export const SETTLE: Duration = seconds(10);
const FIRST_GAP: Duration = seconds(30);
const LONGEST_GAP: Duration = hours(1);

export type Next =
  | { readonly do: 'try' | 'end'; readonly key: string }
  /** Nothing is due; `until`: the monotonic moment at which something is, if time brings it. */
  | { readonly do: 'rest'; readonly until: number | undefined };

const change = (state: Waiting, key: string, by: (order: Waiter) => Partial<Waiter>): Waiting => ({
  ...state,
  orders: state.orders.map((order) => (order.key === key ? { ...order, ...by(order) } : order)),
});

export function entered(state: Waiting, order: Pick<Waiter, 'key' | 'volume' | 'waited' | 'limit' | 'is'>) {
  return { ...state, orders: [...state.orders, { ...order, notBefore: 0, gap: 0 }] };
}

/** The order was tried, or came to the desk, and waits from now on. */
export function parked(state: Waiting, key: string, cause: Cause, now: number): Waiting {
  const { out } = state;
  return change({ ...state, out: out === key ? undefined : out }, key, ({ gap }) => {
    const longer = Math.min(LONGEST_GAP, Math.max(FIRST_GAP, gap * 2));
    return cause === 'turn'
      ? { is: 'waiting', notBefore: now }
      : { is: 'waiting', gap: longer, notBefore: now + longer };
  });
}

export function ended(state: Waiting, key: string): Waiting {
  const { out, orders } = state;
  return {
    ...state,
    out: out === key ? undefined : out,
    orders: orders.filter((order) => order.key !== key),
  };
}

/** The host's power was seen. What went wrong before a change of it says nothing of now. */
export function powerSeen(state: Waiting, down: boolean, now: number): Waiting {
  if (!down) return { ...state, downSince: undefined };
  if (state.downSince !== undefined) return state;
  return { ...state, downSince: now, orders: state.orders.map((o) => ({ ...o, gap: 0, notBefore: 0 })) };
}

export function timePassed(state: Waiting, by: number): Waiting {
  return { ...state, orders: state.orders.map((order) => ({ ...order, waited: order.waited + by })) };
}

export function volumeKnown(state: Waiting, key: string, volume: string): Waiting {
  return change(state, key, () => ({ volume }));
}

/** It goes to the desk, to be tried or to be ended. */
export function taken(state: Waiting, key: string, to: 'try' | 'end'): Waiting {
  return { ...change(state, key, () => ({ is: 'busy' })), out: to === 'try' ? key : state.out };
}

/** The earliest order that this one must come after: one for the same volume, as far as is known. */
export function ahead({ orders }: Waiting, key: string): Waiter | undefined {
  const own = orders.find((order) => order.key === key);
  for (const order of orders) {
    if (order.key === key || own === undefined) return undefined;
    if (order.volume === undefined || own.volume === undefined || order.volume === own.volume) return order;
  }
  return undefined;
}

/** What is to be done now. One try at a time: what is tried comes back, or ends, before the next. */
export function next(state: Waiting, now: number): Next {
  const { orders, out, downSince } = state;
  const waiting = orders.filter((order) => order.is === 'waiting');
  const over = waiting.find(({ waited, limit }) => waited >= limit);
  if (over !== undefined) return { do: 'end', key: over.key };
  const ends = waiting.map(({ waited, limit }) => now + limit - waited);
  if (out !== undefined || downSince === undefined) return { do: 'rest', until: earliest(ends) };
  const first = waiting.filter(({ key }) => ahead(state, key) === undefined);
  const settled = downSince + SETTLE;
  const ready = first.find(({ notBefore }) => Math.max(notBefore, settled) <= now);
  if (ready !== undefined) return { do: 'try', key: ready.key };
  const tries = first.map(({ notBefore }) => Math.max(notBefore, settled));
  return { do: 'rest', until: earliest([...ends, ...tries]) };
}

function earliest(moments: readonly number[]): number | undefined {
  return moments.length === 0 ? undefined : Math.min(...moments);
}
