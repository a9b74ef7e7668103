import type { BusMessage, Clock, MessageBus } from '../../ports/index.ts';
import { deviceTopics, LIMITS, seenTeller } from '../../protocol/index.ts';
import type { Envelope } from '../../sata-chain/index.ts';
import { BRIEF } from './relay-bus.ts';
import type { RelayPart } from './shared-relay.ts';

export interface SeenPassParts {
  readonly bus: Pick<MessageBus, 'publish'>;
  readonly node: Pick<RelayPart, 'send' | 'held'>;
  readonly tenant: string;
  /** The neighbours that messages are passed for. */
  readonly devices: readonly string[];
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** Messages a minute that pass towards one neighbour, and from it; and of those towards it, how many of one teller. */
const EACH_WAY = { atOnce: 8, everyMs: 60_000 };
const EACH_TELLER = { atOnce: 3, everyMs: 600_000 };
/** Tellers whose messages are counted apart; beyond them the one heard longest ago begins anew. */
const TELLERS = 256;
/** Envelopes held here beyond which orders and receipts have the chain for themselves. */
const BUSY = 16;

/** So many at once, then one in each `everyMs`. */
class Allowance {
  readonly #rate: typeof EACH_WAY;
  #left: number;
  #at: number | undefined;

  constructor(rate: typeof EACH_WAY) {
    this.#rate = rate;
    this.#left = rate.atOnce;
  }

  take(now: number): boolean {
    const { atOnce, everyMs } = this.#rate;
    this.#left = Math.min(atOnce, this.#left + (now - (this.#at ?? now)) / everyMs);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/**
 * Passes what devices tell of tokens between the broker and neighbours without a network. It judges nothing: tokens prove
 * themselves at their end. Beyond a size and a rate it drops, since each unit on the way writes what it holds to its flash,
 * and what is worth telling is told again.
 */
export class SeenPass {
  readonly #parts: SeenPassParts;
  readonly #towards = new Map<string, Allowance>();
  readonly #from = new Map<string, Allowance>();
  readonly #tellers = new Map<string, Allowance>();
  /** Since the start. */
  dropped = 0;

  constructor(parts: SeenPassParts) {
    this.#parts = parts;
    for (const device of parts.devices) {
      this.#towards.set(device, new Allowance(EACH_WAY));
      this.#from.set(device, new Allowance(EACH_WAY));
    }
  }

  /** Does not wait for what comes of it. What the broker kept is not passed: it would come at each connect. */
  fromBroker({ topic, payload, retained }: BusMessage): void {
    const { node, tenant, devices, clock } = this.#parts;
    const teller = seenTeller(tenant, topic);
    if (teller === undefined || retained) return;
    const now = clock.monotonic();
    if (payload.byteLength > LIMITS.seen || node.held >= BUSY || !this.#teller(teller).take(now)) {
      this.dropped += 1;
      return;
    }
    for (const device of devices) {
      if (device === teller) continue;
      if (this.#towards.get(device)?.take(now) !== true) this.dropped += 1;
      else node.send('seen', device, payload, 'stored', BRIEF).catch(() => this.#lost());
    }
  }

  fromNeighbour({ from, packet }: Envelope): void {
    const { bus, tenant, clock } = this.#parts;
    const within = packet.byteLength <= LIMITS.seen && this.#from.get(from)?.take(clock.monotonic());
    if (within !== true) {
      this.dropped += 1;
      return;
    }
    bus.publish(deviceTopics(tenant, from).seen, packet, { transient: true }).catch(() => this.#lost());
  }

  #lost(): void {
    this.dropped += 1;
  }

  #teller(name: string): Allowance {
    const known = this.#tellers.get(name) ?? new Allowance(EACH_TELLER);
    this.#tellers.delete(name);
    this.#tellers.set(name, known);
    if (this.#tellers.size > TELLERS) {
      const oldest = this.#tellers.keys().next();
      if (!oldest.done) this.#tellers.delete(oldest.value);
    }
    return known;
  }
}
