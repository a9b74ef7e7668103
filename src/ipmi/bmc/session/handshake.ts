import { concatBytes, equalBytes } from '../../../base/index.ts';
import type { Clock, DatagramPeer, Entropy } from '../../../ports/index.ts';
import { type Exchange, rakp2Code, rakp3Code, rakp4Code, sessionIntegrityKey } from '../../session/rakp.ts';
import { LEVEL, type Level } from '../../session/set-up.ts';
import { nameOf } from '../../wire/bits.ts';
import { encodeSetup, PAYLOAD } from '../../wire/packet.ts';
import { deriveKeys, hmac, type SessionKeys, sameCode } from '../../wire/protection.ts';
import { type BmcAccount, LONGEST_NAME, printable } from './account.ts';
import type { LanChannel } from './channel.ts';
import type { LanEvent } from './event.ts';
import { type Challenged, type HalfOpen, HalfOpenTable } from './half-open.ts';
import { LoginPace } from './pace.ts';
import { countedAs, peerText } from './peer.ts';
import {
  decodeOpenAsked,
  decodeRakp1,
  decodeRakp3,
  encodeOpened,
  encodeRakp2Body,
  encodeRakp4Body,
  encodeRefused,
  type OpenAsked,
  type Rakp1Heard,
  type Rakp3Heard,
  STATUS,
} from './set-up-messages.ts';

/** What a login comes to. */
export interface LoggedIn {
  readonly id: number;
  readonly consoleSession: number;
  readonly keys: SessionKeys;
  readonly account: BmcAccount;
  /** What was asked for, within what the account may have. */
  readonly limit: Level;
  readonly peer: DatagramPeer;
  readonly welcome: Welcome;
}

/** RAKP 3 and the RAKP 4 that it got, both without their tags: a repetition gets the same. */
export interface Welcome {
  readonly rakp3: Uint8Array;
  readonly rakp4: Uint8Array;
}

export interface HandshakeParts {
  readonly channel: LanChannel;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly onEvent: (event: LanEvent) => void;
  /** Called before RAKP 4 goes out, so that nothing sent after it comes too early. */
  readonly onLogin: (login: LoggedIn) => void;
}

const LEVEL_BITS = 0x0f;
const ROLE_RESERVED = 0xe0;
const RANDOM_SIZE = 16;
const SECRET_SIZE = 32;
const KEY_SIZE = 20;

/**
 * Session set-up from the BMC's side (IPMI 2.0, 13.15 to 13.24). A name that no account has is answered as one that has: with a
 * proof, made with a key that is nobody's. So nobody learns which accounts there are; only whoever has an account's password is
 * told that its level is too low.
 */
export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #halfOpen: HalfOpenTable;
  readonly #pace: LoginPace;
  readonly #nobodysSecret: Uint8Array;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.#halfOpen = new HalfOpenTable(parts.channel.limits);
    this.#pace = new LoginPace(parts.channel.limits);
    this.#nobodysSecret = parts.entropy.randomBytes(SECRET_SIZE);
  }

  /** Sessions that are being set up. */
  get size(): number {
    return this.#halfOpen.size;
  }

  /** The datagram to answer with. NS_BYTES_SHORT for what is too short to be answered. */
  answer(payloadType: number, payload: Uint8Array, peer: DatagramPeer): Uint8Array | undefined {
    switch (payloadType) {
      case PAYLOAD.openSessionRequest:
        return wrapped(PAYLOAD.openSessionResponse, this.#open(decodeOpenAsked(payload), peer));
      case PAYLOAD.rakp1:
        return wrapped(PAYLOAD.rakp2, this.#challenge(decodeRakp1(payload), payload, peer));
      case PAYLOAD.rakp3:
        return wrapped(PAYLOAD.rakp4, this.#prove(decodeRakp3(payload), payload, peer));
      default:
        return undefined;
    }
  }

  /** Ends what takes too long. */
  sweep(): void {
    for (const old of this.#halfOpen.takeOld(this.#parts.clock.monotonic())) this.#abandoned(old);
  }

  #open(asked: OpenAsked, peer: DatagramPeer): Uint8Array | undefined {
    const { channel, clock } = this.#parts;
    const now = clock.monotonic();
    const refused = (status: number): Uint8Array => encodeRefused(asked.tag, status, asked.consoleSession);
    if (!asked.wellFormed || asked.consoleSession === 0) return refused(STATUS.illegalParameter);
    const suite = channel.suites.find(({ id }) => id === asked.suite?.id);
    if (suite === undefined) return refused(STATUS.noSuite);
    const level = asked.level === 0 ? LEVEL.administrator : asked.level;
    if (nameOf(LEVEL, level) === undefined) return refused(STATUS.invalidRole);

    const begun = this.#halfOpen.begun(peer, asked.consoleSession);
    if (begun?.stage.is === 'opened' && begun.suite === suite && begun.level === level)
      return encodeOpened(asked, suite, level, begun.id);
    if (begun !== undefined) this.#drop(begun);
    // A console asks again in a second or so; by then the others from there are through.
    if (!this.#halfOpen.hasRoomFor(peer, now)) return undefined;
    const id = this.#freeId(asked.consoleSession);
    const evicted = this.#halfOpen.add({
      id,
      peer,
      consoleSession: asked.consoleSession,
      suite,
      level,
      since: now,
      stage: { is: 'opened' },
    });
    if (evicted !== undefined) this.#abandoned(evicted);
    return encodeOpened(asked, suite, level, id);
  }

  #challenge(heard: Rakp1Heard, payload: Uint8Array, peer: DatagramPeer): Uint8Array {
    const half = this.#halfOpen.find(heard.bmcSession, peer);
    if (half === undefined) return encodeRefused(heard.tag, STATUS.invalidSession, 0);
    const refused = (status: number): Uint8Array => encodeRefused(heard.tag, status, half.consoleSession);
    const repeatable = payload.subarray(1);
    if (half.stage.is === 'challenged') {
      return equalBytes(half.stage.rakp1, repeatable)
        ? concatBytes(Uint8Array.of(heard.tag), half.stage.rakp2)
        : refused(STATUS.invalidSession);
    }
    if (heard.name.byteLength > LONGEST_NAME) return refused(STATUS.nameLength);
    if (!heard.wellFormed) return refused(STATUS.illegalParameter);
    if (heard.name.byteLength === 0) return refused(STATUS.nameNotAllowed);
    const role = heard.role & LEVEL_BITS;
    if ((heard.role & ROLE_RESERVED) !== 0 || nameOf(LEVEL, role) === undefined)
      return refused(STATUS.invalidRole);
    if (role > half.level) return refused(STATUS.roleNotAllowed);

    const { channel, clock, entropy } = this.#parts;
    const user = Uint8Array.from(heard.name);
    if (this.#pace.wait(printable(user), countedAs(peer.address), clock.monotonic()) > 0) {
      this.#halfOpen.remove(half);
      return refused(STATUS.noResources);
    }
    const { suite, consoleSession, id } = half;
    const exchange: Exchange = {
      suite,
      consoleSession,
      bmcSession: id,
      role: heard.role,
      user,
      consoleRandom: Uint8Array.from(heard.consoleRandom),
      bmcRandom: entropy.randomBytes(RANDOM_SIZE),
      bmcGuid: channel.guid,
    };
    const nobodys = hmac(suite, this.#nobodysSecret, user).subarray(0, KEY_SIZE);
    const account = channel.accounts.named(user);
    const key = account?.key ?? nobodys;
    const code = rakp2Code(exchange, key);
    const rakp2 = encodeRakp2Body(consoleSession, exchange.bmcRandom, channel.guid, code);
    half.stage = { is: 'challenged', rakp1: Uint8Array.from(repeatable), rakp2, exchange, account, key };
    return concatBytes(Uint8Array.of(heard.tag), rakp2);
  }

  #prove(heard: Rakp3Heard, payload: Uint8Array, peer: DatagramPeer): Uint8Array | undefined {
    const half = this.#halfOpen.find(heard.bmcSession, peer);
    if (half === undefined || half.stage.is !== 'challenged') {
      const session = this.#parts.channel.sessions.of(heard.bmcSession, peer);
      const again = session?.welcomeAgain(payload.subarray(1));
      if (again !== undefined) return concatBytes(Uint8Array.of(heard.tag), again);
      return heard.status === 0 ? encodeRefused(heard.tag, STATUS.invalidSession, 0) : undefined;
    }
    this.#halfOpen.remove(half);
    const { stage } = half;
    const refused = (status: number): Uint8Array => encodeRefused(heard.tag, status, half.consoleSession);
    // The console did not take the BMC's proof: it has another password. Nothing more is said (13.22).
    if (heard.status !== 0) {
      this.#failed(half, stage, 'wrong-password');
      return undefined;
    }
    const right = sameCode(heard.code, rakp3Code(stage.exchange, stage.key));
    if (!right || stage.account === undefined) {
      this.#failed(half, stage, 'wrong-password');
      return refused(STATUS.wrongCheckValue);
    }
    const role = stage.exchange.role & LEVEL_BITS;
    if (role > LEVEL[stage.account.level]) {
      this.#failed(half, stage, 'level');
      return refused(STATUS.roleNotAllowed);
    }
    const { channel, clock } = this.#parts;
    if (!channel.sessions.makeRoom(stage.account, peer, clock.monotonic()))
      return refused(STATUS.noResources);
    this.#pace.succeeded(printable(stage.exchange.user), countedAs(peer.address));
    const sik = sessionIntegrityKey(stage.exchange, channel.bmcKey ?? stage.account.key);
    const rakp4 = encodeRakp4Body(half.consoleSession, rakp4Code(stage.exchange, sik));
    const { id, consoleSession, suite } = half;
    const keys = deriveKeys(suite, sik);
    const limit = nameOf(LEVEL, role)!;
    const welcome = { rakp3: Uint8Array.from(payload.subarray(1)), rakp4 };
    this.#parts.onLogin({ id, consoleSession, keys, account: stage.account, limit, peer, welcome });
    return concatBytes(Uint8Array.of(heard.tag), rakp4);
  }

  #drop(half: HalfOpen): void {
    this.#halfOpen.remove(half);
    this.#abandoned(half);
  }

  #abandoned(half: HalfOpen): void {
    if (half.stage.is === 'challenged') this.#failed(half, half.stage, 'gave-up');
  }

  #failed(
    half: HalfOpen,
    { exchange }: Challenged,
    why: Extract<LanEvent, { is: 'login-failed' }>['why'],
  ): void {
    const user = printable(exchange.user);
    this.#pace.failed(user, countedAs(half.peer.address), this.#parts.clock.monotonic());
    this.#parts.onEvent({ is: 'login-failed', user, peer: peerText(half.peer), why });
  }

  /** Not 0, not the console's own, and nobody else's. */
  #freeId(consoleSession: number): number {
    const { entropy, channel } = this.#parts;
    const bytes = entropy.randomBytes(4);
    let id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    while (id === 0 || id === consoleSession || this.#halfOpen.has(id) || channel.sessions.has(id))
      id = (id + 1) >>> 0;
    return id;
  }
}

const wrapped = (payloadType: number, reply: Uint8Array | undefined): Uint8Array | undefined =>
  reply === undefined ? undefined : encodeSetup(payloadType, reply);
