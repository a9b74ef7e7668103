import { NsError, toHex } from '../../base/index.ts';
import { foldHosts, type OrderOutcome, showOutcome } from '../../fleet/index.ts';
import type { Receipt, ResultOf, Verb } from '../../protocol/index.ts';
import { clean } from '../../show/index.ts';
import type { SignedReceipt } from './receipt.ts';

/** Why a device declined an order. The code is stable, and "nightshift explain CODE" knows it. */
export interface Refusal {
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
}

interface OfHost {
  readonly host: string;
}

/** Done; the receipt says so. */
export interface Succeeded<R> extends OfHost {
  readonly is: 'succeeded';
  readonly result: R;
  readonly receipt: SignedReceipt;
  /** Why the receipt is not in the folder of receipts, where it should be. */
  readonly unkept?: NsError;
}

/** Understood and declined by the device. Nothing was done, but for what `result` tells. */
export interface Refused<R> extends OfHost {
  readonly is: 'refused';
  readonly refusal: Refusal;
  /** Undefined where the device did not take the order at all. */
  readonly receipt: SignedReceipt | undefined;
  readonly result: R | undefined;
}

export interface Failed<R> extends OfHost {
  readonly is: 'failed';
  /**
   * How: the device says that it `failed`, was `cancelled` or had `expired`; or it was `not-sent`; or the device has
   * done its part, and it went wrong `here`: a disk that is full, contents that are not those of the receipt.
   */
  readonly how: 'failed' | 'cancelled' | 'expired' | 'not-sent' | 'here';
  readonly code: string;
  readonly sentence: string;
  readonly receipt: SignedReceipt | undefined;
  readonly result: R | undefined;
}

/** The device never said that it has the order. While the order is valid it may still take it up. */
export interface Unreachable extends OfHost {
  readonly is: 'unreachable';
  /** False where even the broker did not confirm the order. */
  readonly sent: boolean;
  /** What the device last said of itself, where it said something. */
  readonly presence: 'online' | 'offline' | undefined;
  /** Undefined for an order that does not expire. */
  readonly validUntil: Date | undefined;
}

/** What became of it is not known: the device fell silent, says so itself, or has a receipt for another order of this id. */
export interface Unknown extends OfHost {
  readonly is: 'unknown';
  readonly why: 'no-answer' | 'conflict' | 'device-cannot-tell';
  /** What the device was at when it was last heard. */
  readonly stage: string | undefined;
  readonly receipt: SignedReceipt | undefined;
}

/** Kept by the device until it may be done; nothing is done yet. Its receipt comes later. */
export interface Staged extends OfHost {
  readonly is: 'staged';
  /** Of the order, as hexadecimal digits. */
  readonly order: string;
  readonly waits: Refusal;
  /** Running time of the device that is left to it. */
  readonly leftSeconds: number;
}

/** How an order ended on one host. */
export type HostOutcome<R = unknown> = Succeeded<R> | Refused<R> | Failed<R> | Unreachable | Unknown | Staged;

/** Gives the receipt with its order, as it came in with this packet. */
export type ReceiptOf = (statement: Receipt, packet: Uint8Array) => SignedReceipt;

const wording = new WeakMap<HostOutcome, () => readonly string[]>();

/** An outcome in the command's own words, fit to be printed: no control characters of a device's or a host's are in it. */
export function describe(outcome: HostOutcome): readonly string[] {
  const lines = wording.get(outcome)?.() ?? [outcome.is];
  return lines.map(clean);
}

/** From what the engine says, and what went wrong on this side. `project` makes what the caller gets of a result. */
export function outcomeOf<V extends Verb, R>(
  host: string,
  verb: V,
  outcome: OrderOutcome<V>,
  receiptOf: ReceiptOf,
  project: (result: ResultOf<V>) => R | undefined,
  fault?: NsError,
): HostOutcome<R> {
  const made = judged(host, outcome, receiptOf, project, fault);
  wording.set(made, () => [
    ...showOutcome(verb, outcome),
    ...(fault === undefined ? [] : [`here: ${fault.message}`]),
  ]);
  return made;
}

/** Nothing was sent. */
export function notSent<R>(host: string, { code, sentence, message }: NsError): HostOutcome<R> {
  const made: Failed<R> = {
    is: 'failed',
    host,
    how: 'not-sent',
    code,
    sentence,
    receipt: undefined,
    result: undefined,
  };
  wording.set(made, () => [`not sent: ${message}`]);
  return made;
}

function judged<V extends Verb, R>(
  host: string,
  outcome: OrderOutcome<V>,
  receiptOf: ReceiptOf,
  project: (result: ResultOf<V>) => R | undefined,
  fault: NsError | undefined,
): HostOutcome<R> {
  switch (outcome.is) {
    case 'receipt':
      return judgedReceipt(host, outcome, receiptOf(outcome.receipt, outcome.packet), project, fault);
    case 'staged': {
      const { id, waits, leftSeconds } = outcome;
      return { is: 'staged', host, order: toHex(id), waits, leftSeconds };
    }
    case 'rejected':
      return { is: 'refused', host, refusal: outcome.refusal, receipt: undefined, result: undefined };
    case 'unreachable': {
      const { sent, presence, validUntil } = outcome;
      const until = validUntil === undefined ? undefined : new Date(validUntil * 1000);
      return { is: 'unreachable', host, sent, presence, validUntil: until };
    }
    case 'no-answer':
      return { is: 'unknown', host, why: 'no-answer', stage: outcome.stage, receipt: undefined };
    case 'conflict':
      return { is: 'unknown', host, why: 'conflict', stage: undefined, receipt: undefined };
  }
}

function judgedReceipt<V extends Verb, R>(
  host: string,
  { receipt: statement, result: raw, unkept }: Extract<OrderOutcome<V>, { is: 'receipt' }>,
  receipt: SignedReceipt,
  project: (result: ResultOf<V>) => R | undefined,
  fault: NsError | undefined,
): HostOutcome<R> {
  const result = raw === undefined ? undefined : project(raw);
  const { outcome, refusal, failure } = statement;
  if (outcome === 'unknown')
    return { is: 'unknown', host, why: 'device-cannot-tell', stage: undefined, receipt };
  if (outcome === 'refused') {
    const why = refusal ?? { code: 'UNKNOWN', sentence: 'The device gave no reason.', remedy: '' };
    return { is: 'refused', host, refusal: why, receipt, result };
  }
  if (outcome !== 'succeeded') {
    const { code, sentence } = failure ?? refusal ?? { code: outcome.toUpperCase(), sentence: '' };
    return { is: 'failed', host, how: outcome, code, sentence, receipt, result };
  }
  if (fault !== undefined || result === undefined) {
    const { code, sentence } =
      fault ?? new NsError('NS_RESULT_UNKNOWN', 'the result is in a shape that is not known here');
    return { is: 'failed', host, how: 'here', code, sentence, receipt, result };
  }
  return { is: 'succeeded', host, result, receipt, ...(unkept === undefined ? {} : { unkept }) };
}

/** Thrown where all hosts were to succeed, and some did not. */
export class NotAllSucceeded extends Error {
  override readonly name = 'NotAllSucceeded';
  /** Of all hosts, in their order. */
  readonly outcomes: readonly HostOutcome[];

  constructor(outcomes: readonly HostOutcome[]) {
    const bad = outcomes.filter(({ is }) => is !== 'succeeded');
    const [first] = bad;
    const why = first === undefined ? '' : `: ${describe(first)[0] ?? ''}`;
    super(`${foldHosts(bad.map(({ host }) => host))}${why}`);
    this.outcomes = outcomes;
  }
}
