/**
 * The one exception class. A refusal is an answer and is never thrown; an NsError means that something broke.
 * The family says whose fault it is, and so what a caller may do about it.
 */
export type ErrorFamily =
  /** The caller broke a contract of ours: a programming fault on our side of the wire. */
  | 'caller'
  /** An invariant of ours does not hold: a bug. */
  | 'bug'
  /** A peer, a disk or a file sent bytes that make no sense. */
  | 'peer'
  /** The world failed: a broken link, a full disk, a time-out. */
  | 'world';

export interface NsErrorOptions {
  readonly family?: ErrorFamily;
  readonly cause?: unknown;
  /** True where trying the same thing again, unchanged, can succeed. */
  readonly retryable?: boolean;
}

export class NsError extends Error {
  override readonly name = 'NsError';
  /** Stable: operators and scripts match on it. Upper snake case, prefixed NS_. */
  readonly code: string;
  /** What happened, for people; `message` is this with the code behind it, so that it survives a garbled stack. */
  readonly sentence: string;
  readonly family: ErrorFamily;
  readonly retryable: boolean;

  constructor(code: `NS_${string}`, sentence: string, options: NsErrorOptions = {}) {
    super(`${sentence} [${code}]`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.sentence = sentence;
    this.family = options.family ?? 'world';
    this.retryable = options.retryable ?? false;
  }
}

/** Narrows to an NsError with this code. */
export function hasCode(error: unknown, code: `NS_${string}`): error is NsError {
  return error instanceof NsError && error.code === code;
}

/** Wraps whatever was thrown, keeping an NsError as it is. */
export function asNsError(error: unknown, code: `NS_${string}` = 'NS_INTERNAL'): NsError {
  if (error instanceof NsError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new NsError(code, text, { family: code === 'NS_INTERNAL' ? 'bug' : 'world', cause: error });
}

/** What an exception says, without code or stack. */
export function sentenceOf(error: unknown): string {
  if (error instanceof NsError) return error.sentence;
  return error instanceof Error ? error.message : String(error);
}
