import { createHash } from 'node:crypto';
import { type Duration, minutes, NsError, toHex } from '../base/index.ts';
import type { Clock, Entropy } from '../ports/index.ts';
import type { PreparedOrders } from './order-door.ts';
import type { ConfirmBody, Prepared, Sure } from './order-wire.ts';

/** Time to read what will be signed. Shorter than an order is valid: it has time left when it is sent. */
const WAITS: Duration = minutes(5);
const MOST = 16;
/** Of so many that are gone it can be said why. */
const MOST_GONE = 256;
const ID_BYTES = 16;

interface Kept {
  readonly orders: PreparedOrders;
  readonly digest: string;
  readonly ends: number;
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function deskFault(code: `NS_${string}`, sentence: string): NsError {
  return new NsError(code, sentence, { family: 'caller' });
}

/** NS_NOT_SURE where something else was typed than what is asked for. */
export function checkSure(sure: Sure, typed: string): void {
  if (sure.is === 'press' || typed.trim() === sure.word) return;
  throw deskFault('NS_NOT_SURE', `type "${sure.word}" to confirm this; nothing was signed`);
}

/**
 * Orders that were shown to a person and wait to be confirmed. Each is given out once, as it was shown or not at all, and
 * not for long.
 */
export class PreparedShelf {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #kept = new Map<string, Kept>();
  readonly #gone = new Map<string, 'confirmed' | 'late' | 'pushed out'>();

  constructor(clock: Clock, entropy: Entropy) {
    this.#clock = clock;
    this.#entropy = entropy;
  }

  put(orders: PreparedOrders): Prepared {
    this.#dropLate();
    while (this.#kept.size >= MOST) {
      const [oldest = ''] = this.#kept.keys();
      this.#drop(oldest, 'pushed out');
    }
    const id = toHex(this.#entropy.randomBytes(ID_BYTES));
    const digest = digestOf(orders.sealed());
    this.#kept.set(id, { orders, digest, ends: this.#clock.monotonic() + WAITS });
    const { commandLine, words, hosts, validUntil, people, sure, tried } = orders;
    return {
      id,
      digest,
      commandLine,
      words,
      hosts,
      ...(validUntil === undefined ? {} : { validUntil }),
      until: this.#clock.wallSeconds() + Math.floor(WAITS / 1000),
      people,
      sure,
      tried,
    };
  }

  /** How many people sign it; undefined where it is not here. */
  peopleOf(id: string): 1 | 2 | undefined {
    return this.#kept.get(id)?.orders.people;
  }

  /**
   * The orders, for their one signature. NS_PREPARED_GONE where they are not here any more, NS_PREPARED_DIFFERS where they
   * are not what was shown, NS_NOT_SURE: then they wait on.
   */
  take({ id, digest, typed }: ConfirmBody): PreparedOrders {
    this.#dropLate();
    const kept = this.#kept.get(id);
    if (kept === undefined) throw this.#missing(id);
    checkSure(kept.orders.sure, typed);
    this.#drop(id, 'confirmed');
    if (digest !== kept.digest || digestOf(kept.orders.sealed()) !== kept.digest) {
      throw deskFault(
        'NS_PREPARED_DIFFERS',
        'this is not the order that was shown; nothing was signed: prepare it again',
      );
    }
    return kept.orders;
  }

  #missing(id: string): NsError {
    switch (this.#gone.get(id)) {
      case 'confirmed':
        return deskFault('NS_PREPARED_GONE', 'this order was confirmed before, and is signed once only');
      case 'late':
        return deskFault(
          'NS_PREPARED_GONE',
          'this order waited for too long; nothing was signed: prepare it again',
        );
      default:
        return deskFault(
          'NS_PREPARED_GONE',
          'this order is not here any more; nothing was signed: prepare it again',
        );
    }
  }

  #dropLate(): void {
    const now = this.#clock.monotonic();
    for (const [id, { ends }] of this.#kept) if (now >= ends) this.#drop(id, 'late');
  }

  #drop(id: string, why: 'confirmed' | 'late' | 'pushed out'): void {
    this.#kept.delete(id);
    this.#gone.set(id, why);
    if (this.#gone.size > MOST_GONE) {
      const [oldest = ''] = this.#gone.keys();
      this.#gone.delete(oldest);
    }
  }
}
