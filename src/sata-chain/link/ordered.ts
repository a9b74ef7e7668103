import { NsError, Waiters } from '../../base/index.ts';
import type { ChainLink, Stop } from '../../ports/index.ts';
import { millis, type Nanoseconds, nanoseconds, type Scheduler } from '../time.ts';
import { Connection } from './connection.ts';
import type { OrderedOptions } from './ordered-options.ts';
import { OrderedReceiver } from './ordered-receiver.ts';
import { OrderedSender } from './ordered-sender.ts';
import { Pair } from './pair.ts';
import { RoundTrip } from './round-trip.ts';
import { decodeSegment, encodeSegment, SEGMENT_HEADER, type Segment } from './segment.ts';
import { Timer } from './timer.ts';

/** Segments that may arrive before one is acknowledged. */
const ACK_EVERY = 4;

/**
 * Messages over a link that loses frames: each arrives once, in order, or the channel is lost. A loss is told at both
 * ends; what was not acknowledged then may have arrived or not, and the channel begins anew, empty. Brief disconnections
 * of the link are bridged.
 */
export class OrderedChannel {
  readonly #link: ChainLink;
  readonly #scheduler: Scheduler;
  readonly #options: OrderedOptions;
  readonly #part: number;
  readonly #trip: RoundTrip;
  readonly #messages = new Set<(message: Uint8Array) => void>();
  readonly #connection = new Connection();
  readonly #waiters = new Waiters();
  readonly #patience: Timer;
  readonly #retry: Timer;
  readonly #acknowledge: Timer;
  readonly #stops: Stop[];
  readonly #closing = new AbortController();
  readonly #pair: Pair;
  #sender = new OrderedSender();
  #receiver: OrderedReceiver;
  #linked = false;
  #unacknowledged = 0;
  /** Segments that were sent at least once. */
  #newest = 0;
  #waitsForRoom = false;
  /** When it was last certain that all is well; undefined while it is. */
  #stuckSince: Nanoseconds | undefined;
  /** Segments sent again, since the start. */
  repeated = 0;
  /** Times that the channel was lost, since the start. */
  losses = 0;

  constructor(link: ChainLink, scheduler: Scheduler, options: OrderedOptions) {
    this.#link = link;
    this.#scheduler = scheduler;
    this.#options = options;
    this.#part = link.capabilities.largestFrame - SEGMENT_HEADER;
    this.#trip = new RoundTrip(millis(link.capabilities.roundTrip), options.patience);
    this.#patience = new Timer(scheduler);
    this.#retry = new Timer(scheduler);
    this.#acknowledge = new Timer(scheduler);
    this.#pair = new Pair(options.newIncarnation);
    this.#receiver = new OrderedReceiver(options.largestMessage);
    this.#stops = [
      link.onFrame(({ channel, bytes }) => {
        if (channel === options.channel) this.#frame(bytes);
      }),
      link.onConnection((linked) => (linked ? this.#linkUp() : this.#linkDown())),
    ];
  }

  get largest(): number {
    return this.#options.largestMessage;
  }

  /** False where there is no room, or the channel is not connected. NS_LINK_FRAME where the message is too large. */
  send(message: Uint8Array): boolean {
    const { largestMessage, queueBytes } = this.#options;
    if (message.length > largestMessage) {
      const sentence = `a message of ${message.length} bytes; at most ${largestMessage}`;
      throw new NsError('NS_LINK_FRAME', sentence, { family: 'caller' });
    }
    const waiting = this.#sender.bytes;
    if (!this.#connection.up || (waiting > 0 && waiting + message.length > queueBytes)) return false;
    this.#sender.add(message, this.#part);
    this.#pump();
    return true;
  }

  /** Resolves when there may be room, or never will be; rejects with the signal's reason. */
  room(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(signal, () => this.#roomy());
  }

  onMessage(listener: (message: Uint8Array) => void): Stop {
    this.#messages.add(listener);
    return () => this.#messages.delete(listener);
  }

  /** Called at once with the present state, then at each change: false is a loss. */
  onConnection(listener: (connected: boolean) => void): Stop {
    return this.#connection.onChange(listener);
  }

  /** The link stays open. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort('closed');
    for (const stop of this.#stops) stop();
    this.#stopTimers();
    this.#tell(false);
    this.#sender = new OrderedSender();
    this.#waiters.look();
  }

  #linkUp(): void {
    this.#linked = true;
    this.#stopTimers();
    this.#sender.lostAll();
    this.#greet();
    this.#pump();
  }

  #linkDown(): void {
    this.#linked = false;
    this.#stopTimers();
    if (this.#connection.up) this.#worry();
  }

  /** Says how things stand, again and again while nobody has answered. */
  #greet(): void {
    if (!this.#linked) return;
    this.#say();
    if (this.#pair.joined) return;
    this.#retry.restart(this.#trip.retryAfter, () => {
      this.#trip.missed();
      this.#greet();
    });
  }

  #frame(bytes: Uint8Array): void {
    const segment = decodeSegment(bytes);
    if (segment === undefined) return;
    switch (this.#pair.hear(segment.from, segment.to)) {
      case 'ignored':
        return;
      case 'answer':
        this.#say();
        return;
      case 'lost':
        this.#beginAnew();
        return;
      case 'joined':
        this.#stopTimers();
        this.#say();
        this.#tell(true);
        break;
      case 'ours':
        if (!segment.joined) this.#say();
        break;
    }
    this.#acknowledged(segment);
    if (segment.data !== undefined && this.#pair.mine === segment.to) this.#arrived(segment.data);
  }

  #acknowledged({ next, here }: Segment): void {
    const { progress, sentAt } = this.#sender.acknowledged(next, here);
    if (progress) {
      this.#trip.heard(sentAt === undefined ? undefined : nanoseconds(this.#scheduler.now() - sentAt));
      this.#calm();
      this.#retry.stop();
      this.#watch();
      if (this.#roomy()) this.#waiters.look();
    }
    this.#pump();
  }

  #arrived(data: NonNullable<Segment['data']>): void {
    const receiver = this.#receiver;
    receiver.put(data);
    this.#unacknowledged += 1;
    for (let message = receiver.take(); message !== undefined; message = receiver.take()) {
      if (message === 'too-large') {
        this.#lose();
        return;
      }
      for (const listener of this.#messages) listener(message);
      if (receiver !== this.#receiver) return;
    }
    if (receiver.gap || this.#unacknowledged >= ACK_EVERY) this.#say();
    else this.#acknowledge.start(this.#trip.acknowledgeAfter, () => this.#say());
  }

  /** How things stand here, without data. */
  #say(): void {
    if (!this.#linked || this.#closing.signal.aborted) return;
    this.#transmit(undefined);
  }

  #transmit(data: Segment['data']): boolean {
    const { next, here } = this.#receiver;
    const bytes = encodeSegment({
      from: this.#pair.mine,
      to: this.#pair.to,
      next,
      here,
      joined: this.#pair.joined,
      ...(data && { data }),
    });
    if (!this.#link.send({ channel: this.#options.channel, bytes })) {
      this.#awaitRoom();
      return false;
    }
    this.#unacknowledged = 0;
    this.#acknowledge.stop();
    return true;
  }

  #pump(): void {
    if (!this.#linked || !this.#pair.joined) return;
    for (let due = this.#sender.due(); due !== undefined; due = this.#sender.due()) {
      if (!this.#transmit(due)) break;
      if (due.sequence < this.#newest) this.repeated += 1;
      else this.#newest = due.sequence + 1;
      this.#sender.sent(due, this.#scheduler.now());
    }
    this.#watch();
    if (this.#sender.exhausted && this.#sender.idle) this.#lose();
  }

  #awaitRoom(): void {
    if (this.#waitsForRoom) return;
    this.#waitsForRoom = true;
    const again = (): void => {
      this.#waitsForRoom = false;
      if (this.#unacknowledged > 0) this.#say();
      this.#pump();
    };
    void this.#link.room(this.#closing.signal).then(again, () => undefined);
  }

  /** Timers run while something is under way. */
  #watch(): void {
    if (!this.#linked || !this.#pair.joined) return;
    if (!this.#sender.busy) {
      this.#retry.stop();
      this.#calm();
      return;
    }
    this.#worry();
    this.#retry.start(this.#trip.retryAfter, () => {
      this.#trip.missed();
      this.#sender.lostOldest();
      this.#pump();
    });
  }

  #worry(): void {
    const now = this.#scheduler.now();
    this.#stuckSince ??= now;
    const left = Math.max(0, this.#stuckSince + this.#options.patience - now);
    this.#patience.start(nanoseconds(left), () => this.#lose());
  }

  #calm(): void {
    this.#patience.stop();
    this.#stuckSince = undefined;
  }

  #lose(): void {
    this.#pair.renew();
    this.#beginAnew();
  }

  /** Our incarnation is another: nothing of the one before is left. */
  #beginAnew(): void {
    this.#stopTimers();
    this.#calm();
    this.losses += 1;
    this.#newest = 0;
    this.#sender = new OrderedSender();
    this.#receiver = new OrderedReceiver(this.#options.largestMessage);
    this.#unacknowledged = 0;
    this.#tell(false);
    if (!this.#closing.signal.aborted) this.#greet();
  }

  #roomy(): boolean {
    if (this.#closing.signal.aborted) return true;
    return this.#connection.up && this.#sender.bytes * 2 <= this.#options.queueBytes;
  }

  #stopTimers(): void {
    this.#patience.stop();
    this.#retry.stop();
    this.#acknowledge.stop();
  }

  #tell(connected: boolean): void {
    this.#connection.tell(connected);
    if (connected) this.#waiters.look();
  }
}
