import { createHash } from 'node:crypto';
import { asNsError, BoundedQueue, type Duration, equalBytes, milliseconds } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';
import {
  type DeviceEvent,
  parseMessage,
  type Receipt,
  type ResultOf,
  VERBS,
  type Verb,
} from '../protocol/index.ts';
import { Bell } from '../transfer/index.ts';
import { FIRST_RESEND, LAST_RESEND, type OrderTiming } from './order-timing.ts';
import type { OrderTrace } from './order-trace.ts';
import type { OrderOutcome } from './outcome.ts';

/** An event of one order, on its way to whoever watches. */
export type OrderEvent = Extract<DeviceEvent, { event: 'accepted' | 'progress' | 'offer' | 'staged' }>;

export interface RunOptions<V extends Verb> {
  readonly id: Uint8Array;
  readonly verb: V;
  readonly packet: Uint8Array;
  readonly validUntil: number | undefined;
  readonly timing: OrderTiming;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Hands the packet to the bus; resolves when the broker has it. */
  readonly send: () => Promise<void>;
  readonly presence: () => 'online' | 'offline' | undefined;
  readonly trace?: OrderTrace | undefined;
  /** Takes the receipt's packet into safe keeping; the outcome waits for it. */
  readonly keep?: (packet: Uint8Array, receipt: Receipt) => Promise<void>;
  /** Where the device stages the order, that is the outcome: takes its own packet into safe keeping first. */
  readonly keepStaged?: (() => Promise<void>) | undefined;
}

/** Progress that nobody fetches is dropped, oldest first. */
const EVENTS_KEPT = 256;

/**
 * One order from its first sending to its end. The same packet is sent again on silence: the device knows it by its
 * id, so that a repeated order costs nothing and fetches a receipt that was lost.
 */
export class OrderRun<V extends Verb = Verb> {
  readonly id: Uint8Array;
  /** Rejects only with the signal's reason. */
  readonly outcome: Promise<OrderOutcome<V>>;
  readonly #o: RunOptions<V>;
  readonly #hash: Uint8Array;
  readonly #bell: Bell;
  readonly #news: Bell;
  readonly #events = new BoundedQueue<OrderEvent>(EVENTS_KEPT);
  #end: OrderOutcome<V> | undefined;
  #closed = false;
  #accepted = false;
  #stage: string | undefined;
  #lastSeq = -1;
  #lastSign = 0;
  #sending = false;
  #sent = false;
  #nextSend: number;
  #gap: number = FIRST_RESEND;

  constructor(options: RunOptions<V>) {
    this.#o = options;
    this.id = options.id;
    this.#hash = createHash('sha256').update(options.packet).digest();
    this.#bell = new Bell(options.clock);
    this.#news = new Bell(options.clock);
    this.#nextSend = options.clock.monotonic();
    this.outcome = this.#drive().finally(() => {
      options.trace?.ended(this.#end);
      this.#closed = true;
      this.#news.ring();
    });
    // Whoever watches only the events must not meet an unhandled rejection.
    this.outcome.catch(() => undefined);
  }

  /** Events as they come, until the order has ended. One reader. */
  async *events(): AsyncGenerator<OrderEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else if (this.#closed) return;
      else await this.#news.wait(milliseconds(60_000), new AbortController().signal);
    }
  }

  /** Takes an event that the device's key has signed. */
  take(event: DeviceEvent, packet: Uint8Array): void {
    if (event.event === 'rejected') this.#takeRejected(event);
    else if (event.event === 'presence' || !equalBytes(event.id, this.id)) return;
    else if (event.event === 'receipt') this.#takeReceipt(event, packet);
    else this.#takeNews(event);
  }

  /** Any sign that the device is at work on this order, such as a chunk. Puts off the silence, decides nothing. */
  alive(): void {
    this.#lastSign = this.#o.clock.monotonic();
    this.#gap = LAST_RESEND;
    this.#nextSend = this.#lastSign + this.#gap;
  }

  #takeRejected(event: Extract<DeviceEvent, { event: 'rejected' }>): void {
    // Once accepted, only a receipt ends an order.
    if (this.#accepted || !equalBytes(event.packet, this.#hash)) return;
    const { refusal, nonce } = event;
    this.#finish({ is: 'rejected', refusal, ...(nonce === undefined ? {} : { nonce }) });
  }

  #takeReceipt(receipt: Receipt, packet: Uint8Array): void {
    if (!equalBytes(receipt.order, this.#hash) || receipt.verb !== this.#o.verb) {
      this.#finish({ is: 'conflict', receipt });
      return;
    }
    const parsed =
      receipt.result === undefined ? undefined : parseMessage(VERBS[this.#o.verb].result, receipt.result);
    const result = parsed?.ok === true ? (parsed.value as ResultOf<V>) : undefined;
    this.#finish({ is: 'receipt', receipt, packet, result });
  }

  #takeNews(event: OrderEvent): void {
    this.alive();
    // A repeated order is answered by `accepted` again: a sign of life, and no news.
    if (event.event === 'accepted' && this.#accepted) return;
    this.#accepted = true;
    this.#o.trace?.accepted();
    if (event.event === 'progress') {
      this.#o.trace?.running();
      if (event.seq <= this.#lastSeq) return;
      this.#lastSeq = event.seq;
      this.#stage = event.stage;
    }
    if (event.event === 'staged') {
      this.#stage = `staged, waits: ${event.waits.code}`;
      if (this.#o.keepStaged !== undefined) {
        const { waits, leftSeconds } = event;
        this.#finish({ is: 'staged', id: this.id, waits, leftSeconds });
      }
    }
    this.#events.pushDroppingOldest(event);
    this.#news.ring();
    this.#bell.ring();
  }

  #finish(outcome: OrderOutcome<V>): void {
    this.#end ??= outcome;
    this.#bell.ring();
  }

  async #drive(): Promise<OrderOutcome<V>> {
    const { clock, signal, timing } = this.#o;
    const started = clock.monotonic();
    this.#lastSign = started;
    for (;;) {
      signal.throwIfAborted();
      if (this.#end !== undefined) return this.#kept(this.#end);
      const now = clock.monotonic();
      const patience = this.#accepted ? this.#lastSign + timing.silence : started + timing.accept;
      const until = Math.min(patience, started + timing.total);
      if (now >= until) return this.#giveUp();
      if (now >= this.#nextSend) this.#send(now);
      await this.#bell.wait(milliseconds(Math.max(1, Math.min(until, this.#nextSend) - now)), signal);
    }
  }

  /** What was done is said even where its receipt cannot be kept. */
  async #kept(end: OrderOutcome<V>): Promise<OrderOutcome<V>> {
    if (end.is !== 'receipt' && end.is !== 'staged') return end;
    try {
      await (end.is === 'receipt' ? this.#o.keep?.(end.packet, end.receipt) : this.#o.keepStaged?.());
      return end;
    } catch (error) {
      return { ...end, unkept: asNsError(error) };
    }
  }

  #giveUp(): OrderOutcome<V> {
    const { presence, validUntil } = this.#o;
    this.#end = this.#accepted
      ? { is: 'no-answer', stage: this.#stage }
      : { is: 'unreachable', sent: this.#sent, presence: presence(), validUntil };
    return this.#end;
  }

  #send(now: Duration): void {
    this.#nextSend = now + this.#gap;
    this.#gap = Math.min(this.#gap * 2, LAST_RESEND);
    // One under way is enough: where the broker is gone, more would only queue.
    if (this.#sending) return;
    this.#sending = true;
    this.#o
      .send()
      .then(
        () => {
          this.#sent = true;
        },
        // The bus is down or full: silence, and the next try, will tell.
        () => undefined,
      )
      .finally(() => {
        this.#sending = false;
      });
  }
}
