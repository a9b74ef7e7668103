import { allow, refuse, type Verdict } from '../../base/index.ts';
import { DESTRUCTIONS, type Destruction } from '../destruction.ts';
import { MAX_PER_EPOCH, type TokenBody } from '../token.ts';

/** How many destructive orders an epoch has room for, all devices together. */
export type BudgetLimits = Readonly<Record<Destruction, number>>;

/** An authentic token that came with an order or by gossip. */
export type SeenToken = Pick<TokenBody, 'epoch' | 'for' | 'n' | 'device'> & {
  /** Key id of its governor, in hexadecimal digits. */
  readonly governor: string;
  readonly packet: Uint8Array;
};

/** A token that an order to this device has used up. */
export type SpentMark = Pick<TokenBody, 'epoch' | 'for' | 'n'> & {
  readonly governor: string;
  /** SHA-256 of the order's body, in hexadecimal digits. */
  readonly order: string;
};

type Numbered = Pick<TokenBody, 'epoch' | 'for' | 'n'>;

/** Two epochs, two kinds. */
export const MAX_SEEN = 2 * DESTRUCTIONS.length * MAX_PER_EPOCH;
export const MAX_SPENT = MAX_SEEN;

/** The newest epoch of which a token was seen; 0 where none was. */
export function newestEpoch(seen: readonly SeenToken[]): number {
  return seen.reduce((newest, { epoch }) => Math.max(newest, epoch), 0);
}

/** Two devices that hold a token of one number: whoever signs does not count. */
export interface Fork extends Numbered {
  readonly devices: readonly [string, string];
}

export function findFork(seen: readonly SeenToken[], epoch: number): Fork | undefined {
  const first = new Map<string, string>();
  for (const token of seen) {
    if (token.epoch !== epoch) continue;
    const number = `${token.for}/${token.n}`;
    const other = first.get(number);
    if (other === undefined) first.set(number, token.device);
    else if (other !== token.device)
      return { epoch, for: token.for, n: token.n, devices: [other, token.device] };
  }
  return undefined;
}

/** How many numbers of an epoch and kind are in use, as far as this device has seen. */
export function numbersSeen(seen: readonly SeenToken[], { epoch, for: kind }: Omit<Numbered, 'n'>): number {
  return new Set(seen.flatMap((token) => (token.epoch === epoch && token.for === kind ? [token.n] : [])))
    .size;
}

export interface BudgetFacts {
  readonly limits: BudgetLimits;
  /** Of governors that are enrolled now. */
  readonly seen: readonly SeenToken[];
  readonly spent: readonly SpentMark[];
}

/**
 * Whether an authentic token for this device may be used by an order. No clock has a say: an epoch is over when tokens
 * of later ones are seen. The order that has used it before may use it again: it is the same order.
 */
export function judgeToken(token: SeenToken, order: string, facts: BudgetFacts): Verdict<void> {
  const { limits, spent } = facts;
  const mark = spent.find((each) => isSameNumber(each, token));
  if (mark !== undefined) return mark.order === order ? allow(undefined) : refuse('TOKEN_SPENT');
  const newest = newestEpoch(facts.seen);
  if (token.epoch < newest - 1) {
    return refuse(
      'TOKEN_INVALID',
      `The token is of epoch ${token.epoch}, and this device has seen epoch ${newest}.`,
    );
  }
  const seen = withToken(facts.seen, token);
  const fork = findFork(seen, token.epoch);
  if (fork !== undefined) {
    return refuse(
      'BUDGET_FORKED',
      `Token ${fork.n} (${fork.for}) of epoch ${fork.epoch} was signed for ${fork.devices.join(' and for ')}.`,
    );
  }
  const limit = limits[token.for];
  if (token.n > limit) {
    return refuse(
      'BUDGET_SPENT',
      `The token has number ${token.n}, and an epoch has room for ${limit} (${token.for}).`,
    );
  }
  const numbers = numbersSeen(seen, token);
  if (numbers > limit) {
    return refuse(
      'BUDGET_SPENT',
      `${numbers} numbers (${token.for}) of epoch ${token.epoch} are in use, and it has room for ${limit}.`,
    );
  }
  if (spent.length >= MAX_SPENT || seen.length > MAX_SEEN) {
    return refuse('BUDGET_SPENT', 'This device can remember no more tokens.');
  }
  return allow(undefined);
}

export interface Heard {
  readonly is: 'new' | 'known' | 'refused';
  readonly seen: readonly SeenToken[];
}

/**
 * Takes a token into what was seen. Known: it adds nothing. Refused: its epoch is over, or there is no room. Of one
 * number and governor two are kept at most: they prove the fork, and a third proves nothing more.
 */
export function hearToken(before: readonly SeenToken[], token: SeenToken): Heard {
  const own = before.filter(({ governor }) => governor === token.governor);
  const same = own.filter((each) => isSameNumber(each, token));
  if (same.some(({ device }) => device === token.device) || same.length >= 2)
    return { is: 'known', seen: before };
  if (token.epoch < Math.max(newestEpoch(own), newestEpoch(before)) - 1)
    return { is: 'refused', seen: before };
  const seen = [...before.filter((each) => !isOutdatedBy(each, token)), token];
  return seen.length > MAX_SEEN ? { is: 'refused', seen: before } : { is: 'new', seen };
}

/**
 * Which marks are still needed: a governor's own later epochs make its token worthless, another governor's do not,
 * since that one may be revoked.
 */
export function marksKept(spent: readonly SpentMark[], mark: SpentMark): readonly SpentMark[] {
  return [...spent.filter((each) => !isOutdatedBy(each, mark)), mark];
}

function isSameNumber(a: Numbered, b: Numbered): boolean {
  return a.epoch === b.epoch && a.for === b.for && a.n === b.n;
}

function isOutdatedBy(
  each: { readonly governor: string; readonly epoch: number },
  by: { readonly governor: string; readonly epoch: number },
): boolean {
  return each.governor === by.governor && each.epoch < by.epoch - 1;
}

function withToken(seen: readonly SeenToken[], token: SeenToken): readonly SeenToken[] {
  const there = seen.some((each) => isSameNumber(each, token) && each.device === token.device);
  return there ? seen : [...seen, token];
}
