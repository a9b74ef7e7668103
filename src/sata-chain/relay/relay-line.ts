import { BoundedQueue } from '../../base/index.ts';
import type { ChainLink, Stop } from '../../ports/index.ts';
import { OrderedChannel } from '../link/ordered.ts';
import { millis, type Scheduler } from '../time.ts';
import {
  decodeRelayMessage,
  encodeRelayMessage,
  LARGEST_RELAY_MESSAGE,
  type RelayMessage,
} from './envelope.ts';

interface RelayLineHands {
  message(message: RelayMessage): void;
  connection(up: boolean): void;
}

const PATIENCE = millis(20_000);
/** Messages that wait for room. A neighbour that asks for more answers than this without reading any gets none. */
const QUEUED = 64;

/** Relay messages to and from one neighbour, in order; what waits is dropped where the neighbour is lost. */
export class RelayLine {
  readonly #channel: OrderedChannel;
  readonly #hands: RelayLineHands;
  readonly #queue = new BoundedQueue<Uint8Array>(QUEUED);
  readonly #closing = new AbortController();
  #stops: readonly Stop[] = [];
  #connected = false;
  #waits = false;

  constructor(link: ChainLink, scheduler: Scheduler, newIncarnation: () => number, hands: RelayLineHands) {
    this.#hands = hands;
    this.#channel = new OrderedChannel(link, scheduler, {
      channel: 'relay',
      largestMessage: LARGEST_RELAY_MESSAGE,
      queueBytes: 2 * LARGEST_RELAY_MESSAGE,
      patience: PATIENCE,
      newIncarnation,
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  start(): void {
    this.#stops = [
      this.#channel.onMessage((bytes) => {
        const message = decodeRelayMessage(bytes);
        if (message !== undefined) this.#hands.message(message);
      }),
      this.#channel.onConnection((up) => {
        if (up === this.#connected) return;
        this.#connected = up;
        if (!up) this.#queue.removeWhere(() => true);
        this.#hands.connection(up);
      }),
    ];
  }

  send(message: RelayMessage): void {
    if (!this.#connected) return;
    this.#queue.push(encodeRelayMessage(message));
    this.#pump();
  }

  close(): void {
    this.#closing.abort('closed');
    for (const stop of this.#stops) stop();
    this.#channel.close();
  }

  #pump(): void {
    if (this.#waits || !this.#connected) return;
    while (this.#queue.size > 0) {
      const [next] = this.#queue;
      if (next === undefined || !this.#channel.send(next)) break;
      this.#queue.shift();
    }
    if (this.#queue.size === 0) return;
    this.#waits = true;
    const again = (): void => {
      this.#waits = false;
      this.#pump();
    };
    void this.#channel.room(this.#closing.signal).then(again, () => undefined);
  }
}
