import { type Duration, seconds } from '../../../base/index.ts';
import type { DatagramPeer } from '../../../ports/index.ts';
import type { Exchange, UserKey } from '../../session/rakp.ts';
import type { CipherSuite } from '../../wire/cipher-suite.ts';
import type { BmcAccount } from './account.ts';
import type { LanLimits } from './limits.ts';
import { countedAs, samePeer } from './peer.ts';

/** A session that is being set up. */
export interface HalfOpen {
  /** The BMC's id of the session to be. */
  readonly id: number;
  readonly peer: DatagramPeer;
  readonly consoleSession: number;
  readonly suite: CipherSuite;
  /** The highest level that RAKP 1 may ask for. */
  readonly level: number;
  readonly since: Duration;
  stage: Stage;
}

export type Stage = { readonly is: 'opened' } | Challenged;

/** The BMC's proof has gone out. */
export interface Challenged {
  readonly is: 'challenged';
  /** Without its tag, to know a repetition by. */
  readonly rakp1: Uint8Array;
  /** Without its tag, for a repetition. */
  readonly rakp2: Uint8Array;
  readonly exchange: Exchange;
  /** Undefined where there is none of that name: then `key` is nobody's. */
  readonly account: BmcAccount | undefined;
  readonly key: UserKey;
}

/** RAKP 1 follows within a round trip. */
const STALE = seconds(1);

/** Sessions that are being set up: a bounded number of them, for a bounded time. */
export class HalfOpenTable {
  readonly #limits: LanLimits;
  readonly #all = new Map<number, HalfOpen>();

  constructor(limits: LanLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  has(id: number): boolean {
    return this.#all.has(id);
  }

  /** Only for the peer that opened it. */
  find(id: number, peer: DatagramPeer): HalfOpen | undefined {
    const found = this.#all.get(id);
    return found !== undefined && samePeer(found.peer, peer) ? found : undefined;
  }

  /** What this peer has begun under this id of its own. */
  begun(peer: DatagramPeer, consoleSession: number): HalfOpen | undefined {
    for (const each of this.#all.values())
      if (each.consoleSession === consoleSession && samePeer(each.peer, peer)) return each;
    return undefined;
  }

  /**
   * False where its address has as many as it may. One that nothing has followed for a while makes room: a console that was stopped,
   * or somebody who only claims to be at that address.
   */
  hasRoomFor(peer: DatagramPeer, now: Duration): boolean {
    const address = countedAs(peer.address);
    const own = [...this.#all.values()].filter((each) => countedAs(each.peer.address) === address);
    if (own.length < this.#limits.halfOpenPerAddress) return true;
    const stale = own.find(({ stage, since }) => stage.is === 'opened' && now - since >= STALE);
    if (stale !== undefined) this.#all.delete(stale.id);
    return stale !== undefined;
  }

  /** Gives back the one that had to make room: the oldest whose address nothing has proved, else the oldest. */
  add(fresh: HalfOpen): HalfOpen | undefined {
    let victim: HalfOpen | undefined;
    if (this.#all.size >= this.#limits.halfOpen) {
      const oldestFirst = [...this.#all.values()];
      victim = oldestFirst.find(({ stage }) => stage.is === 'opened') ?? oldestFirst[0];
      if (victim !== undefined) this.#all.delete(victim.id);
    }
    this.#all.set(fresh.id, fresh);
    return victim;
  }

  remove({ id }: HalfOpen): void {
    this.#all.delete(id);
  }

  /** Takes out those whose time is over. */
  takeOld(now: Duration): readonly HalfOpen[] {
    const old: HalfOpen[] = [];
    for (const each of this.#all.values()) {
      if (now - each.since < this.#limits.halfOpenFor) break;
      old.push(each);
      this.#all.delete(each.id);
    }
    return old;
  }
}
