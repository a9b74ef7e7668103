import { asNsError, hasCode, milliseconds, type Refusal, toHex } from '../base/index.ts';
import type { Clock, KeyStore, LogSink, MessageBus } from '../ports/index.ts';
import type { DeviceEvent } from '../protocol/index.ts';
import { signEvent } from '../security/index.ts';
import type { DeviceIdentity, TaskEvent } from '../tasks/index.ts';
import { eventHead } from './identity.ts';
import { ProgressPacer } from './progress-pacer.ts';
import type { ReplyJitter } from './reply-jitter.ts';

export interface OutboxParts {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly keyStore: KeyStore;
  readonly log: LogSink;
  readonly identity: DeviceIdentity;
  readonly jitter: ReplyJitter;
  /** Where events are published. */
  readonly topic: string;
  /** The broker has this order's receipt. */
  readonly told: (id: Uint8Array) => void;
  /** The bus had no room for this order's receipt. */
  readonly late: (id: Uint8Array, packet: Uint8Array) => void;
}

const PROGRESS_INTERVAL = milliseconds(250);

/**
 * Signs what the device says and hands it to the bus, in the order in which it was said. Receipts, answers and offers
 * wait there for a connection. A receipt that finds no room on the bus goes there later, or at the next start. Progress
 * and presence are for now or never.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #progress: ProgressPacer;
  /** Resolves when all that was said so far is with the bus. */
  #said: Promise<void> = Promise.resolve();
  /** Answers whose moment has not come. */
  readonly #held = new Set<Promise<void>>();
  #undelivered = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#progress = new ProgressPacer(parts.clock, PROGRESS_INTERVAL, (body) => {
      this.#say(
        { ...eventHead(parts.identity), event: 'progress', ...body },
        { transient: true, id: body.id },
      );
    });
  }

  /** Answers and receipts that found no room since the start. */
  get undelivered(): number {
    return this.#undelivered;
  }

  taskEvent(event: TaskEvent): void {
    switch (event.kind) {
      case 'progress':
        this.#progress.offer(event.body);
        return;
      case 'offer':
        this.#say(
          { ...eventHead(this.#parts.identity), event: 'offer', ...event.body },
          { transient: false, id: event.body.id },
        );
        return;
      case 'staged':
        this.#progress.ended(event.body.id);
        this.staged(event.body);
        return;
      case 'receipt':
        this.#progress.ended(event.id);
        this.receipt(event.id, event.packet);
        return;
    }
  }

  accepted(id: Uint8Array): void {
    this.#say({ ...eventHead(this.#parts.identity), event: 'accepted', id }, { transient: false, id });
  }

  /** What an order waits for that is kept here. */
  staged(body: (TaskEvent & { kind: 'staged' })['body']): void {
    this.#say(
      { ...eventHead(this.#parts.identity), event: 'staged', ...body },
      { transient: false, id: body.id },
    );
  }

  /** Signed already, now or long ago. */
  receipt(id: Uint8Array, packet: Uint8Array): void {
    this.#queue(async () => packet, { transient: false, id, receipt: packet });
  }

  /** `packetHash`: SHA-256 of the packet that is refused. */
  rejected(packetHash: Uint8Array, refusal: Refusal, id?: Uint8Array, nonce?: Uint8Array): void {
    const { code, sentence, remedy } = refusal;
    this.#say(
      {
        ...eventHead(this.#parts.identity),
        event: 'rejected',
        packet: new Uint8Array(packetHash),
        ...(id === undefined ? {} : { id }),
        refusal: { code, sentence: sentence.slice(0, 1000), remedy: remedy.slice(0, 1000) },
        ...(nonce === undefined ? {} : { nonce }),
      },
      { transient: false, ...(id === undefined ? {} : { id }) },
    );
  }

  /** Presence: of no use later. */
  now(event: DeviceEvent): void {
    this.#say(event, { transient: true });
  }

  /** Resolves when everything said so far is with the bus. */
  async settled(): Promise<void> {
    while (this.#held.size > 0) await Promise.all(this.#held);
    await this.#said;
  }

  stop(): void {
    this.#progress.stop();
  }

  #say(event: DeviceEvent, how: How): void {
    this.#queue(() => signEvent(event, this.#parts.keyStore, this.#parts.identity.tenant), how);
  }

  #queue(packet: () => Promise<Uint8Array>, how: How): void {
    const moment = how.id === undefined ? undefined : this.#parts.jitter.moment(how.id);
    if (moment === undefined) {
      this.#said = this.#said.then(() => this.#hand(packet, how));
      return;
    }
    const held = moment.then(() => {
      this.#held.delete(held);
      this.#said = this.#said.then(() => this.#hand(packet, how));
    });
    this.#held.add(held);
  }

  /** Never throws: what cannot be sent is counted and logged. Does not wait for the broker. */
  async #hand(make: () => Promise<Uint8Array>, how: How): Promise<void> {
    try {
      const packet = await make();
      this.#parts.bus
        .publish(this.#parts.topic, packet, { transient: how.transient })
        .then(() => {
          if (how.receipt !== undefined) this.#parts.told(how.id);
        })
        .catch((error: unknown) => this.#failed(error, how));
    } catch (error) {
      this.#failed(error, how);
    }
  }

  #failed(error: unknown, how: How): void {
    if (how.transient) return;
    this.#undelivered += 1;
    if (how.receipt !== undefined && hasCode(error, 'NS_BUS_FULL')) this.#parts.late(how.id, how.receipt);
    this.#parts.log.log('warn', 'event-not-sent', {
      code: asNsError(error).code,
      total: this.#undelivered,
      ...(how.id === undefined ? {} : { order: toHex(how.id) }),
    });
  }
}

type How =
  | {
      readonly transient: boolean;
      /** The order that this is about. */
      readonly id?: Uint8Array;
      readonly receipt?: undefined;
    }
  | { readonly transient: false; readonly id: Uint8Array; readonly receipt: Uint8Array };
