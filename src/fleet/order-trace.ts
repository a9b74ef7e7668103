import { toHex } from '../base/index.ts';
import type { Entropy, Span } from '../ports/index.ts';
import type { Verb } from '../protocol/index.ts';
import type { OrderOutcome } from './outcome.ts';

/** Follows one order for its trace. */
export interface OrderTrace {
  /** Goes with the order. */
  readonly traceparent: string;
  /** Its time begins only now: it was written before somebody confirmed it. */
  sending(): void;
  /** The device has the order. */
  accepted(): void;
  /** The first that is heard of its work. */
  running(): void;
  /** How it ended; undefined where nobody waits any more. */
  ended(outcome: OrderOutcome | undefined): void;
}

export interface OrderTracer {
  begin(device: string, verb: Verb): OrderTrace;
}

export interface TracerParts {
  readonly entropy: Entropy;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly emit: (spans: readonly Span[]) => void;
  /** W3C traceparent of whatever gives the orders, or of each as it is given; an order begins a trace of its own where there is none. */
  readonly parent?: string | (() => string | undefined) | undefined;
}

const PARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/;
const NO_ID = /^0+$/;

interface Parent {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

/** Undefined for what is no traceparent, as W3C wants it: a trace then begins anew. */
export function parseTraceparent(text: string | undefined): Parent | undefined {
  const [, traceId = '', spanId = '', flags = ''] = PARENT.exec(text?.trim() ?? '') ?? [];
  if (NO_ID.test(traceId) || NO_ID.test(spanId) || traceId === '' || text?.startsWith('ff')) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

const SAMPLED = 1;

/** Gives each order a trace, and its spans to `emit` when it has ended. What was asked not to be sampled is carried and not emitted. */
export function orderTracer(parts: TracerParts): OrderTracer {
  const { parent } = parts;
  const above = (): string | undefined => (typeof parent === 'function' ? parent() : parent);
  return { begin: (device, verb) => new TracedOrder(parts, parseTraceparent(above()), device, verb) };
}

class TracedOrder implements OrderTrace {
  readonly #parts: TracerParts;
  readonly #parent: Parent | undefined;
  readonly #device: string;
  readonly #verb: Verb;
  readonly #traceId: string;
  readonly #rootId: string;
  #start: number;
  #accepted: number | undefined;
  #running: number | undefined;
  #over = false;

  constructor(parts: TracerParts, parent: Parent | undefined, device: string, verb: Verb) {
    this.#parts = parts;
    this.#parent = parent;
    this.#device = device;
    this.#verb = verb;
    this.#traceId = parent?.traceId ?? this.#newId(16);
    this.#rootId = this.#newId(8);
    this.#start = parts.now();
  }

  get traceparent(): string {
    const sampled = ((this.#parent?.flags ?? SAMPLED) & SAMPLED).toString(16).padStart(2, '0');
    return `00-${this.#traceId}-${this.#rootId}-${sampled}`;
  }

  sending(): void {
    this.#start = this.#parts.now();
  }

  accepted(): void {
    this.#accepted ??= this.#parts.now();
  }

  running(): void {
    this.#running ??= this.#parts.now();
  }

  ended(outcome: OrderOutcome | undefined): void {
    if (this.#over) return;
    this.#over = true;
    if (((this.#parent?.flags ?? SAMPLED) & SAMPLED) === 0) return;
    try {
      this.#parts.emit(this.#spans(outcome, this.#parts.now()));
    } catch {
      // What becomes of the spans must not change what became of the order.
    }
  }

  #spans(outcome: OrderOutcome | undefined, end: number): readonly Span[] {
    const accepted = this.#accepted ?? (outcome?.is === 'receipt' ? end : undefined);
    const events = [
      ...(accepted === undefined ? [] : [{ name: 'accepted', at: accepted }]),
      ...(this.#running === undefined ? [] : [{ name: 'running', at: this.#running }]),
      ...(outcome?.is === 'receipt' ? [{ name: 'receipt', at: end }] : []),
    ];
    const base = { traceId: this.#traceId, device: this.#device, events: [], failed: false, attributes: {} };
    const below = { ...base, parentId: this.#rootId, by: 'operator' as const };
    const root: Span = {
      ...base,
      spanId: this.#rootId,
      ...(this.#parent === undefined ? {} : { parentId: this.#parent.spanId }),
      name: `order ${this.#verb}`,
      by: 'operator',
      start: this.#start,
      end,
      attributes: {
        'nightshift.verb': this.#verb,
        'nightshift.device': this.#device,
        ...endAttributes(outcome),
      },
      events,
      failed: hasFailed(outcome),
    };
    return [
      root,
      { ...below, spanId: this.#newId(8), name: 'send', start: this.#start, end: accepted ?? end },
      ...(accepted === undefined
        ? []
        : [{ ...below, spanId: this.#newId(8), name: 'await', start: accepted, end }]),
      ...this.#deviceSpan(outcome, end),
    ];
  }

  /** As long as the receipt says, and ending no later than it came: no clock of the device is compared with ours. */
  #deviceSpan(outcome: OrderOutcome | undefined, end: number): readonly Span[] {
    if (outcome?.is !== 'receipt') return [];
    const { tookMs, receivedAt, outcome: is } = outcome.receipt;
    return [
      {
        traceId: this.#traceId,
        spanId: this.#newId(8),
        parentId: this.#rootId,
        name: this.#verb,
        by: 'device',
        device: this.#device,
        start: Math.max(this.#start, end - tookMs),
        end,
        attributes: {
          'nightshift.outcome': is,
          'nightshift.took_ms': tookMs,
          'nightshift.device_clock_seconds': receivedAt,
        },
        events: [],
        failed: hasFailed(outcome),
      },
    ];
  }

  #newId(bytes: number): string {
    const id = toHex(this.#parts.entropy.randomBytes(bytes));
    return NO_ID.test(id) ? `${id.slice(0, -1)}1` : id;
  }
}

function hasFailed(outcome: OrderOutcome | undefined): boolean {
  switch (outcome?.is) {
    case 'receipt':
      return outcome.receipt.outcome === 'failed' || outcome.receipt.outcome === 'unknown';
    case 'unreachable':
    case 'no-answer':
    case 'conflict':
      return true;
    default:
      return false;
  }
}

/** Codes and outcomes, which are of closed lists; a sentence could name a file. */
function endAttributes(outcome: OrderOutcome | undefined): Record<string, string> {
  if (outcome === undefined) return { 'nightshift.outcome': 'abandoned' };
  if (outcome.is === 'rejected') return { 'nightshift.outcome': 'rejected', ...codeOf(outcome.refusal.code) };
  if (outcome.is === 'staged') return { 'nightshift.outcome': 'staged', ...codeOf(outcome.waits.code) };
  if (outcome.is !== 'receipt') return { 'nightshift.outcome': outcome.is };
  const { id, outcome: is, refusal, failure } = outcome.receipt;
  return {
    'nightshift.order': toHex(id),
    'nightshift.outcome': is,
    ...codeOf(refusal?.code ?? failure?.code),
  };
}

/** A device may say anything where a code should be. */
function codeOf(code: string | undefined): Record<string, string> {
  return code !== undefined && /^[A-Z][A-Z0-9_]{0,47}$/.test(code) ? { 'nightshift.code': code } : {};
}
