import { type Duration, seconds } from '../../../base/index.ts';
import type { DatagramPeer } from '../../../ports/index.ts';
import type { BmcAccount } from './account.ts';
import type { ConsoleSession } from './console-session.ts';
import type { SessionEnd } from './event.ts';
import type { LanLimits } from './limits.ts';
import { samePeer } from './peer.ts';

/** Silent for so long, a session may have been left behind. */
const LEFT = seconds(5);

/** The open sessions of a BMC, in the order in which they were opened. */
export class SessionTable {
  readonly #limits: LanLimits;
  readonly #byId = new Map<number, ConsoleSession>();

  constructor(limits: LanLimits) {
    this.#limits = limits;
  }

  get most(): number {
    return this.#limits.sessions;
  }

  get size(): number {
    return this.#byId.size;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  get(id: number): ConsoleSession | undefined {
    return this.#byId.get(id);
  }

  /** Only for the peer that opened it. */
  of(id: number, peer: DatagramPeer): ConsoleSession | undefined {
    const session = this.#byId.get(id);
    return session !== undefined && samePeer(session.from, peer) ? session : undefined;
  }

  withHandle(handle: number): ConsoleSession | undefined {
    for (const session of this.#byId.values()) if (session.handle === handle) return session;
    return undefined;
  }

  /** The first one is 1. */
  nth(n: number): ConsoleSession | undefined {
    let at = 0;
    for (const session of this.#byId.values()) {
      at += 1;
      if (at === n) return session;
    }
    return undefined;
  }

  /** The lowest handle that is not in use; never 0. */
  freeHandle(): number {
    const used = new Set<number>();
    for (const session of this.#byId.values()) used.add(session.handle);
    let handle = 1;
    while (used.has(handle)) handle += 1;
    return handle;
  }

  /**
   * True where there is room for one more of this account from there. Some tools never close a session (ipmipower after a reset): the
   * one that has been silent for longest makes room, but only for the same account at the same address.
   */
  makeRoom(account: BmcAccount, peer: DatagramPeer, now: Duration): boolean {
    if (this.#byId.size < this.#limits.sessions) return true;
    let left: ConsoleSession | undefined;
    for (const each of this.#byId.values()) {
      const own = each.account === account && each.from.address === peer.address;
      if (own && each.idle(now) >= LEFT && each.idle(now) > (left?.idle(now) ?? 0)) left = each;
    }
    left?.end('replaced');
    return left !== undefined;
  }

  add(session: ConsoleSession): void {
    this.#byId.set(session.id, session);
  }

  remove(id: number): void {
    this.#byId.delete(id);
  }

  endIdle(now: Duration): void {
    for (const session of [...this.#byId.values()])
      if (session.idle(now) >= this.#limits.idle) session.end('idle');
  }

  endAll(why: SessionEnd): void {
    for (const session of [...this.#byId.values()]) session.end(why);
  }
}
