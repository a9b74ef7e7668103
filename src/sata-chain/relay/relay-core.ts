import { toHex } from '../../base/index.ts';
import { type Nanoseconds, nanoseconds } from '../time.ts';
import { ANY_GATEWAY, type Envelope, envelopeId, type RelayMessage, type RelayVerdict } from './envelope.ts';
import type { Seen } from './seen.ts';

export interface RelayRules {
  /** This unit's device name. */
  readonly self: string;
  /** True where this unit has a network and takes what that device sends to any gateway. */
  readonly standsFor: (device: string) => boolean;
  /** Its cables, by name. */
  readonly links: readonly string[];
  /** Envelopes held at once, and the bytes of their packets; one neighbour may fill half of either. */
  readonly mostHeld: number;
  readonly mostBytes: number;
}

export type RelayInput =
  /** Somebody here sends. */
  | { readonly is: 'submit'; readonly envelope: Envelope }
  | { readonly is: 'heard'; readonly link: string; readonly message: RelayMessage }
  | { readonly is: 'link'; readonly link: string; readonly up: boolean }
  /** An envelope is in own storage now. `false`: it cannot be kept. */
  | { readonly is: 'kept'; readonly id: string; readonly ok: boolean }
  /** Whoever it was for has it now. `false`: try again later. */
  | { readonly is: 'delivered'; readonly id: string; readonly ok: boolean }
  | { readonly is: 'tick' };

export type RelayEffect =
  /** Then say `kept`. */
  | { readonly is: 'keep'; readonly id: string; readonly envelope: Envelope }
  /** Done with: it is among the seen ones from now on. */
  | { readonly is: 'forget'; readonly id: string; readonly stored: boolean }
  | { readonly is: 'send'; readonly link: string; readonly message: RelayMessage }
  /** Then say `delivered`. */
  | { readonly is: 'deliver'; readonly id: string; readonly envelope: Envelope }
  /** A neighbour has it, so that a submit of ours is out of danger. */
  | { readonly is: 'passed'; readonly id: string }
  | { readonly is: 'dropped'; readonly id: string; readonly envelope: Envelope; readonly why: DropReason };

export type DropReason = 'expired' | 'hops' | 'full' | 'refused' | 'storage';

interface Held {
  readonly envelope: Envelope;
  /** Where it came from; undefined where it is ours. */
  readonly origin: string | undefined;
  readonly since: Nanoseconds;
  readonly mine: boolean;
  stored: boolean;
  /** Neighbours that wait for our word that we have it. */
  readonly owed: Set<string>;
  /** Neighbours that are to have it. */
  readonly pending: Set<string>;
  /** A neighbour has taken it. */
  passed: boolean;
  handing: boolean;
  notBefore: Nanoseconds;
}

const SECOND = 1e9;
/** After `later`, or a delivery that failed. */
const PAUSE = nanoseconds(5 * SECOND);
/** Offers to one neighbour that are not answered yet. */
const WINDOW = 2;

/**
 * What one unit does with envelopes: it keeps each until the neighbours away from where it came have it, or whoever it is
 * for. Nothing is taken twice, nothing goes back where it came from, and each has a bound in hops and in time. Decides
 * only; what is to be done comes out as effects.
 */
export class RelayCore {
  readonly #rules: RelayRules;
  readonly #seen: Seen;
  readonly #held = new Map<string, Held>();
  readonly #up = new Set<string>();
  /** By link: offers under way. */
  readonly #offered = new Map<string, Set<string>>();
  #effects: RelayEffect[] = [];
  #now: Nanoseconds = nanoseconds(0);

  /** `seen` and `stored` as they were left by an earlier run. */
  constructor(rules: RelayRules, seen: Seen, stored: readonly Envelope[], now: Nanoseconds) {
    this.#rules = rules;
    this.#seen = seen;
    this.#now = now;
    for (const envelope of stored) {
      const id = toHex(envelopeId(envelope));
      if (!seen.has(id)) this.#hold(id, envelope, undefined).stored = true;
    }
  }

  get held(): number {
    return this.#held.size;
  }

  step(input: RelayInput, now: Nanoseconds): readonly RelayEffect[] {
    this.#now = now;
    this.#effects = [];
    switch (input.is) {
      case 'submit':
        this.#submit(input.envelope);
        break;
      case 'heard':
        if (input.message.is === 'offer') this.#offer(input.link, input.message.envelope);
        else this.#answered(input.link, toHex(input.message.id), input.message.verdict);
        break;
      case 'link':
        this.#offered.delete(input.link);
        if (input.up) this.#up.add(input.link);
        else this.#up.delete(input.link);
        break;
      case 'kept':
        this.#kept(input.id, input.ok);
        break;
      case 'delivered':
        this.#delivered(input.id, input.ok);
        break;
      case 'tick':
        this.#expire();
        break;
    }
    this.#move();
    return this.#effects;
  }

  #submit(envelope: Envelope): void {
    const id = toHex(envelopeId(envelope));
    if (this.#seen.has(id) || this.#held.has(id)) return;
    if (!this.#hasRoom(envelope, undefined)) this.#drop(id, envelope, 'full');
    else {
      this.#hold(id, envelope, undefined);
      this.#effects.push({ is: 'keep', id, envelope });
    }
  }

  #offer(link: string, envelope: Envelope): void {
    const id = toHex(envelopeId(envelope));
    const held = this.#held.get(id);
    if (held !== undefined) {
      held.pending.delete(link);
      if (held.stored) this.#answer(link, id, 'kept');
      else held.owed.add(link);
    } else if (this.#seen.has(id)) this.#answer(link, id, 'kept');
    else if (envelope.ttl === 0) this.#refuse(link, id, envelope, 'expired');
    else if (!this.#isMine(envelope) && envelope.hops === 0) this.#refuse(link, id, envelope, 'hops');
    else if (!this.#isMine(envelope) && this.#rules.links.every((other) => other === link)) {
      // The chain ends here.
      this.#seen.add(id);
      this.#answer(link, id, 'kept');
    } else if (!this.#hasRoom(envelope, link)) this.#answer(link, id, 'later');
    else {
      this.#hold(id, envelope, link).owed.add(link);
      this.#effects.push({ is: 'keep', id, envelope });
    }
  }

  #answered(link: string, id: string, verdict: RelayVerdict): void {
    const held = this.#held.get(id);
    if (this.#offered.get(link)?.delete(id) !== true || held === undefined) return;
    if (verdict === 'later') {
      held.notBefore = nanoseconds(this.#now + PAUSE);
      return;
    }
    held.pending.delete(link);
    if (verdict === 'kept' && !held.passed) {
      held.passed = true;
      this.#effects.push({ is: 'passed', id });
    }
    this.#settle(id, held);
  }

  #kept(id: string, ok: boolean): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.stored = ok;
    for (const link of held.owed) this.#answer(link, id, ok ? 'kept' : 'later');
    held.owed.clear();
    if (ok) this.#settle(id, held);
    else {
      // Not seen: the neighbour still has it, and offers it again.
      this.#held.delete(id);
      this.#effects.push({ is: 'dropped', id, envelope: held.envelope, why: 'storage' });
    }
  }

  #delivered(id: string, ok: boolean): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.handing = false;
    if (ok) this.#end(id, held);
    else held.notBefore = nanoseconds(this.#now + PAUSE);
  }

  /** Nobody is left who is to have it. */
  #settle(id: string, held: Held): void {
    if (held.mine || held.pending.size > 0 || !held.stored) return;
    if (!held.passed && held.origin === undefined) this.#drop(id, held.envelope, 'refused');
    this.#end(id, held);
  }

  #expire(): void {
    for (const [id, held] of this.#held) {
      if (!held.stored || held.handing || this.#left(held) > 0) continue;
      this.#drop(id, held.envelope, 'expired');
      this.#end(id, held);
    }
  }

  /** Offers and hands over what can go. */
  #move(): void {
    for (const [id, held] of this.#held) {
      if (!held.stored || held.notBefore > this.#now) continue;
      if (held.mine) {
        if (held.handing) continue;
        held.handing = true;
        this.#effects.push({ is: 'deliver', id, envelope: held.envelope });
        continue;
      }
      const { envelope } = held;
      const ttl = this.#left(held);
      if (ttl <= 0) continue;
      for (const link of held.pending) {
        const offered = this.#offered.get(link) ?? new Set();
        if (!this.#up.has(link) || offered.size >= WINDOW || offered.has(id)) continue;
        offered.add(id);
        this.#offered.set(link, offered);
        const hops = envelope.from === this.#rules.self ? envelope.hops : envelope.hops - 1;
        const onward = { ...envelope, hops, ttl };
        this.#effects.push({ is: 'send', link, message: { is: 'offer', envelope: onward } });
      }
    }
  }

  #hold(id: string, envelope: Envelope, origin: string | undefined): Held {
    const mine = this.#isMine(envelope);
    const held: Held = {
      envelope,
      origin,
      since: this.#now,
      mine,
      stored: false,
      owed: new Set(),
      pending: new Set(mine ? [] : this.#rules.links.filter((link) => link !== origin)),
      passed: false,
      handing: false,
      notBefore: nanoseconds(0),
    };
    this.#held.set(id, held);
    return held;
  }

  #isMine({ to, from }: Envelope): boolean {
    const { self, standsFor } = this.#rules;
    return to === self || (to === ANY_GATEWAY && from !== self && standsFor(from));
  }

  #hasRoom(envelope: Envelope, link: string | undefined): boolean {
    const { mostHeld, mostBytes } = this.#rules;
    const [all, own] = [
      { count: 1, bytes: envelope.packet.length },
      { count: 1, bytes: envelope.packet.length },
    ];
    for (const held of this.#held.values()) {
      for (const sum of held.origin === link ? [all, own] : [all]) {
        sum.count += 1;
        sum.bytes += held.envelope.packet.length;
      }
    }
    const within = ({ count, bytes }: typeof all, part: number) =>
      count <= mostHeld * part && bytes <= mostBytes * part;
    return within(all, 1) && within(own, 0.5);
  }

  /** Seconds left, as the next unit is to have them. */
  #left(held: Held): number {
    return held.envelope.ttl - Math.max(1, Math.ceil((this.#now - held.since) / SECOND));
  }

  #refuse(link: string, id: string, envelope: Envelope, why: DropReason): void {
    this.#drop(id, envelope, why);
    this.#answer(link, id, 'never');
  }

  #answer(link: string, id: string, verdict: RelayVerdict): void {
    const message = { is: 'answer', id: Uint8Array.from(Buffer.from(id, 'hex')), verdict } as const;
    this.#effects.push({ is: 'send', link, message });
  }

  #drop(id: string, envelope: Envelope, why: DropReason): void {
    this.#effects.push({ is: 'dropped', id, envelope, why });
  }

  #end(id: string, held: Held): void {
    this.#held.delete(id);
    for (const offered of this.#offered.values()) offered.delete(id);
    this.#seen.add(id);
    this.#effects.push({ is: 'forget', id, stored: held.stored });
  }
}
