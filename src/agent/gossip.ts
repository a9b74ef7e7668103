import { createHash } from 'node:crypto';
import { asNsError, hours, milliseconds, minutes, seconds } from '../base/index.ts';
import type { BusMessage, Clock, Entropy, LogSink, MessageBus, Stop } from '../ports/index.ts';
import {
  decodeSeen,
  encodeSeen,
  isFullSeen,
  LIMITS,
  seenFilter,
  seenTeller,
  seenThatFit,
} from '../protocol/index.ts';
import type { Budget, Keyring, KeyringView } from '../security/index.ts';
import type { DeviceIdentity } from '../tasks/index.ts';
import { HeardQueue } from './heard-queue.ts';
import { TokenBucket } from './token-bucket.ts';
import { Trickle } from './trickle.ts';

/** What gossip needs of the device's budget. */
export type TokenBook = Pick<Budget, 'hear' | 'told' | 'onNews'>;

export interface GossipParts {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly identity: Pick<DeviceIdentity, 'tenant' | 'device'>;
  readonly log: LogSink;
  readonly tokens: TokenBook;
  /** Whose tokens are believed. */
  readonly keyring: KeyringView;
  /** Where this device tells what it knows. */
  readonly topic: string;
}

/** Since the start. */
export interface GossipCounts {
  /** Messages sent. */
  readonly told: number;
  /** Tokens that were new, known, and not believed. */
  readonly news: number;
  readonly known: number;
  readonly refused: number;
  /** Messages that were no messages, found no room, or were not read to their end. */
  readonly dropped: number;
}

const PACE = { shortest: seconds(4), longest: hours(1) };
/** After a connect: a whole fleet may come back at one instant. */
const AFTER_CONNECT = seconds(32);
/** Between two signatures that are verified: what is said here never takes more of the processor. */
const VERIFY_GAP = milliseconds(20);
/**
 * Tokens that are kept, each with a write to own storage: as many at once as there can be, and after that few, so that
 * whoever stole a governor's key does not wear the storage of every device out.
 */
const NEWS_RATE = { perSecond: 1 / 60, burst: 4096 };
const LONGEST_REST = minutes(2);
/** Tokens of one message that are not believed, after which the rest of it is not looked at. */
const REFUSED_A_MESSAGE = 32;
/** Tokens that were looked at in vain, and are not looked at again. */
const DULL_MAX = 1024;
/** How often somebody who seems to know less is told at once. */
const LACKING_RATE = { perSecond: 1 / 300, burst: 4 };
const LOG_RATE = { perSecond: 1 / 60, burst: 4 };

/**
 * Devices tell each other which tokens they have seen, so that one number used twice is found by all of them. A token
 * proves itself; nobody can lie with one, only be silent. Who hears others tell all that it knows is silent itself.
 *
 * Retained messages are heard, since no token is worth less for its age; devices retain none. They neither silence
 * nor hurry anybody: what a broker kept says nothing of who listens now.
 */
export class Gossip {
  readonly #parts: GossipParts;
  readonly #trickle: Trickle;
  readonly #heard: HeardQueue<Heard>;
  readonly #lacking = new TokenBucket(LACKING_RATE);
  readonly #lines = new TokenBucket(LOG_RATE);
  readonly #kept = new TokenBucket(NEWS_RATE);
  readonly #stopped = new AbortController();
  readonly #stops: Stop[] = [];
  /** By hash, the newest epochs first; as the budget had them under this keyring. */
  #mine: ReadonlyMap<string, Uint8Array> | undefined;
  #keyring: Keyring | undefined;
  /** Of mine, what this interval has heard somebody tell. */
  readonly #covered = new Set<string>();
  readonly #dull = new Set<string>();
  /** Nobody was heard since the connect. */
  #asking = false;
  #told = 0;
  #news = 0;
  #known = 0;
  #refused = 0;
  #unread = 0;

  constructor(parts: GossipParts) {
    this.#parts = parts;
    this.#heard = new HeardQueue<Heard>((message) => this.#read(message));
    this.#trickle = new Trickle(parts.clock, parts.entropy, PACE, {
      began: () => this.#covered.clear(),
      speak: () => this.#speak(),
    });
  }

  get counts(): GossipCounts {
    const dropped = this.#unread + this.#heard.dropped;
    return {
      told: this.#told,
      news: this.#news,
      known: this.#known,
      refused: this.#refused,
      dropped,
    };
  }

  async start(): Promise<void> {
    const { bus, tokens, identity } = this.#parts;
    this.#stops.push(
      bus.onState(({ is }) => {
        if (is === 'down') {
          this.#trickle.stop();
          return;
        }
        this.#asking = true;
        this.#trickle.begin(AFTER_CONNECT);
      }),
      tokens.onNews(() => {
        this.#changed();
        this.#trickle.hurry();
      }),
    );
    // Not kept at the broker for a device that is away: it would take the room of its orders.
    await bus.subscribe([seenFilter(identity.tenant)], { transient: true });
  }

  stop(): void {
    this.#stopped.abort('stopped');
    this.#trickle.stop();
    this.#heard.stop();
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Takes a message of the `seen` topics; does not wait for what comes of it. */
  receive({ topic, payload, retained }: BusMessage): void {
    const { tenant, device } = this.#parts.identity;
    const teller = seenTeller(tenant, topic);
    if (teller === undefined || teller === device) return;
    if (payload.byteLength > LIMITS.seen) this.#unread += 1;
    else this.#heard.add({ teller, payload, retained });
  }

  #changed(): void {
    this.#mine = undefined;
    this.#dull.clear();
  }

  #own(): ReadonlyMap<string, Uint8Array> {
    const { current } = this.#parts.keyring;
    // What was refused may be good now, and what was known may count no more.
    if (current !== this.#keyring) this.#changed();
    this.#keyring = current;
    this.#mine ??= new Map(this.#parts.tokens.told().map((token) => [hashOf(token), token]));
    return this.#mine;
  }

  /** Rejects never. */
  async #read({ teller, payload, retained }: Heard): Promise<void> {
    const message = decodeSeen(payload);
    if (!message.ok) {
      this.#unread += 1;
      this.#complain(teller, message.refusal.code);
      return;
    }
    if (!retained) this.#asking = false;
    const said = new Map(message.value.tokens.map((token) => [hashOf(token), token]));
    await this.#hearAll(teller, said);
    if (retained || this.#stopped.signal.aborted) return;
    const own = this.#own();
    for (const hash of said.keys()) if (own.has(hash)) this.#covered.add(hash);
    const knowsLess = !isFullSeen(message.value) && [...own.keys()].some((hash) => !said.has(hash));
    if (knowsLess && this.#lacking.take(this.#parts.clock.monotonic())) this.#trickle.hurry();
  }

  async #hearAll(teller: string, said: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const { clock, tokens } = this.#parts;
    let refused = 0;
    for (const [hash, token] of said) {
      if (this.#own().has(hash)) {
        this.#known += 1;
        continue;
      }
      if (this.#dull.has(hash)) continue;
      if (refused >= REFUSED_A_MESSAGE || this.#stopped.signal.aborted) {
        this.#unread += 1;
        return;
      }
      // A copy: a token that is kept must not hold the message that it came in.
      const heard = await tokens.hear(token.slice()).catch((error: unknown) => asNsError(error).code);
      if (heard === 'new') this.#news += 1;
      else this.#note(hash);
      if (heard === 'known') this.#known += 1;
      else if (heard !== 'new') {
        refused += 1;
        this.#refused += 1;
        this.#complain(teller, heard);
      }
      const rest =
        heard === 'new' ? (this.#kept.reserve(clock.monotonic(), LONGEST_REST) ?? LONGEST_REST) : 0;
      const gap = milliseconds(Math.max(VERIFY_GAP, rest));
      await clock.sleep(gap, this.#stopped.signal).catch(() => undefined);
    }
  }

  #note(hash: string): void {
    if (this.#dull.size >= DULL_MAX) this.#dull.clear();
    this.#dull.add(hash);
  }

  #complain(teller: string, why: string): void {
    if (!this.#lines.take(this.#parts.clock.monotonic())) return;
    const { refused, dropped } = this.counts;
    this.#parts.log.log('warn', 'seen-refused', { teller, why, refused, dropped });
  }

  /** True where not all fitted into one message. */
  #speak(): boolean {
    const own = this.#own();
    const untold = [...own.keys()].filter((hash) => !this.#covered.has(hash));
    if (untold.length === 0 && !this.#asking) return false;
    this.#asking = false;
    // What others have told stands at the end: a message with room left means that its sender knows no more.
    const all = [...untold, ...[...own.keys()].filter((hash) => this.#covered.has(hash))];
    const tokens = seenThatFit(all.map((hash) => own.get(hash)!));
    for (const hash of all.slice(0, tokens.length)) this.#covered.add(hash);
    this.#parts.bus.publish(this.#parts.topic, encodeSeen(tokens), { transient: true }).then(
      () => {
        this.#told += 1;
      },
      // Of no use later: the next connect, or the next hour, tells it again.
      () => undefined,
    );
    return tokens.length < untold.length;
  }
}

interface Heard {
  readonly teller: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
}

function hashOf(token: Uint8Array): string {
  return createHash('sha256').update(token).digest('base64');
}
