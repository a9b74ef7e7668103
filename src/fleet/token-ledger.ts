import * as v from 'valibot';
import { NsError } from '../base/index.ts';
import { NAME } from '../protocol/index.ts';
import { DESTRUCTIONS, type Destruction, MAX_PER_EPOCH, type TokenBody } from '../security/index.ts';

/** Tokens per epoch of each kind. */
export type Limits = Readonly<Record<Destruction, number>>;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const upTo = v.pipe(whole, v.maxValue(MAX_PER_EPOCH));
const perKind = v.strictObject({ lock: upTo, wipe: upTo });

const given = v.strictObject({
  for: v.picklist(DESTRUCTIONS),
  n: v.pipe(upTo, v.minValue(1)),
  device: v.pipe(v.string(), v.regex(NAME)),
  at: whole,
});

const epochEntry = v.strictObject({
  epoch: whole,
  /** When it was begun here, seconds since 1970. */
  began: whole,
  /** The highest number given out of each kind. */
  taken: perKind,
  /** Which numbers went where; of the last two epochs only. */
  given: v.optional(v.pipe(v.array(given), v.maxLength(2 * MAX_PER_EPOCH))),
});

const MOST_EPOCHS = 400;

const ledgerShape = v.strictObject({
  v: v.literal(1),
  tenant: v.pipe(v.string(), v.regex(NAME)),
  /** Key id of the governor, hexadecimal. */
  governor: v.pipe(v.string(), v.regex(/^[0-9a-f]{2,128}$/)),
  limits: perKind,
  /** Oldest first. */
  epochs: v.pipe(v.array(epochEntry), v.minLength(1), v.maxLength(MOST_EPOCHS)),
});

/** Which numbers a governor has given out: none is ever given twice. */
export type TokenLedger = v.InferOutput<typeof ledgerShape>;
export type LedgerEpoch = TokenLedger['epochs'][number];

const A_DAY = 86_400;

function refuse(code: `NS_${string}`, sentence: string): NsError {
  return new NsError(code, sentence, { family: 'caller' });
}

/** NS_LEDGER where it is not one, or another governor's or tenant's. */
export function readLedger(
  text: string,
  owner: { readonly tenant: string; readonly governor: string },
): TokenLedger {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('NS_LEDGER', 'the ledger of tokens is damaged: it is no JSON');
  }
  const shaped = v.safeParse(ledgerShape, value);
  if (!shaped.success) {
    throw refuse('NS_LEDGER', `the ledger of tokens is damaged: ${shaped.issues[0].message}`);
  }
  const ledger = shaped.output;
  if (ledger.tenant !== owner.tenant || ledger.governor !== owner.governor) {
    throw refuse(
      'NS_LEDGER',
      `the ledger is that of key ${ledger.governor} for the tenant "${ledger.tenant}", not of key ${owner.governor} for "${owner.tenant}"`,
    );
  }
  return ledger;
}

export function ledgerText(ledger: TokenLedger): string {
  return `${JSON.stringify(ledger, undefined, 1)}\n`;
}

/** An epoch that is higher than all that this governor had before, if it began at most one a day. */
export function firstEpoch(now: number): number {
  return Math.floor(now / A_DAY) + 1;
}

export function newLedger(
  owner: { readonly tenant: string; readonly governor: string },
  limits: Limits,
  epoch: number,
  now: number,
): TokenLedger {
  return {
    v: 1,
    ...owner,
    limits: { ...limits },
    epochs: [{ epoch, began: now, taken: { lock: 0, wipe: 0 }, given: [] }],
  };
}

export function currentEpoch(ledger: TokenLedger): LedgerEpoch {
  return ledger.epochs.at(-1)!;
}

export function leftOf(ledger: TokenLedger, kind: Destruction): number {
  return Math.max(0, ledger.limits[kind] - currentEpoch(ledger).taken[kind]);
}

/**
 * Takes the next numbers, one for each device. NS_BUDGET_SPENT where the limit leaves fewer: then none is taken. The
 * ledger must be on stable storage before a token is signed.
 */
export function takeTokens(
  ledger: TokenLedger,
  kind: Destruction,
  devices: readonly string[],
  now: number,
): { readonly ledger: TokenLedger; readonly bodies: readonly TokenBody[] } {
  const current = currentEpoch(ledger);
  const left = leftOf(ledger, kind);
  if (devices.length > left) {
    throw refuse(
      'NS_BUDGET_SPENT',
      `${devices.length} tokens are asked for, and of the ${ledger.limits[kind]} for ${kind} in epoch ${current.epoch} ${left} are left. ` +
        'Wait for the next epoch, or have the budget raised by two people.',
    );
  }
  const first = current.taken[kind] + 1;
  const bodies = devices.map(
    (device, i): TokenBody => ({ v: 1, epoch: current.epoch, for: kind, n: first + i, device, at: now }),
  );
  const epoch: LedgerEpoch = {
    ...current,
    taken: { ...current.taken, [kind]: current.taken[kind] + devices.length },
    given: [...(current.given ?? []), ...bodies.map(({ n, device, at }) => ({ for: kind, n, device, at }))],
  };
  return { ledger: { ...ledger, epochs: [...ledger.epochs.slice(0, -1), epoch] }, bodies };
}

/** Begins the next epoch. NS_EPOCH_TOO_SOON where the last began less than 24 hours ago and `sooner` is not said. */
export function nextEpoch(ledger: TokenLedger, now: number, sooner: boolean): TokenLedger {
  const current = currentEpoch(ledger);
  const age = now - current.began;
  if (age < A_DAY && !sooner) {
    throw refuse(
      'NS_EPOCH_TOO_SOON',
      `epoch ${current.epoch} began ${hoursText(age)} ago; the next begins no sooner than 24 hours after it, or with --sooner`,
    );
  }
  const kept = ledger.epochs
    .slice(2 - MOST_EPOCHS)
    .map(({ given: numbers, ...entry }) =>
      entry.epoch === current.epoch ? { ...entry, given: numbers ?? [] } : entry,
    );
  const next: LedgerEpoch = { epoch: current.epoch + 1, began: now, taken: { lock: 0, wipe: 0 }, given: [] };
  return { ...ledger, epochs: [...kept, next] };
}

export function withLimits(ledger: TokenLedger, limits: Limits): TokenLedger {
  return { ...ledger, limits: { ...limits } };
}

function hoursText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  return hours < 1 ? 'less than an hour' : `${hours} h`;
}

/** "lock=10,wipe=5", each 0 to 1024; what is left out stays as in `before`. NS_USAGE. */
export function parseLimits(text: string, before: Limits): Limits {
  const limits = { ...before };
  for (const part of text.split(',')) {
    const match = /^(lock|wipe)=(\d{1,4})$/.exec(part.trim());
    const count = Number(match?.[2]);
    if (match === null || count > MAX_PER_EPOCH) {
      throw refuse('NS_USAGE', `"${text}" is no limit; write lock=10,wipe=10, each ${MAX_PER_EPOCH} at most`);
    }
    limits[match[1] as Destruction] = count;
  }
  return limits;
}
