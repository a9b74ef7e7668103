import { REFUSALS, type RefusalCode } from './refusal-codes.ts';

/** An order understood and declined: an answer, with a stable code, a plain sentence and what to do about it. */
export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence, specific to this case. */
  readonly sentence: string;
  /** What the person who gave the order can do. */
  readonly remedy: string;
}

/** A decision: the thing asked for, or why not. */
export type Verdict<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Makes a refusal. The remedy comes from the table unless this case has a better one; `detail` replaces the
 * table's general sentence by one that names the thing at hand.
 */
export function refusal(code: RefusalCode, detail?: string, remedy?: string): Refusal {
  const entry = REFUSALS[code];
  return { code, sentence: detail ?? entry.sentence, remedy: remedy ?? entry.remedy };
}

export function refuse(
  code: RefusalCode,
  detail?: string,
  remedy?: string,
): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: refusal(code, detail, remedy) };
}

export function allow<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}
