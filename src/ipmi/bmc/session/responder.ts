import { isAllZero, NsError, seconds, sentenceOf } from '../../../base/index.ts';
import type { Clock, DatagramPeer, DatagramServer, Entropy, LogSink, Stop } from '../../../ports/index.ts';
import {
  decodePacket,
  encodeSessionless,
  encodeSetup,
  type IpmiPacket,
  LARGEST_DATAGRAM,
  PAYLOAD,
} from '../../wire/packet.ts';
import type { BmcCommands } from '../dispatch.ts';
import type { LanChannel } from './channel.ts';
import { ConsoleSession } from './console-session.ts';
import type { LanEvent } from './event.ts';
import { Handshake, type LoggedIn } from './handshake.ts';
import { DatagramPace } from './pace.ts';
import { countedAs, peerText } from './peer.ts';
import { isAsf, pongTo } from './presence.ts';
import { requestIn, responseTo } from './request-line.ts';

export interface LanResponderParts {
  readonly channel: LanChannel;
  readonly server: DatagramServer;
  readonly commands: BmcCommands;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: LogSink;
  /** Logins, logouts, and logins that failed: as many as the pace of logins lets happen. */
  readonly onEvent?: (event: LanEvent) => void;
}

const SWEEP = seconds(1);
/** Commands outside sessions that are being answered at once. */
const MOST_OUTSIDE = 16;
/** Where a session's sequence number and id are in a datagram of IPMI 1.5. */
const SESSION_15 = { from: 5, to: 13 } as const;

/** RMCP+ from the BMC's side: sessions of suites 17 and 3 on one socket. It runs until it is closed. */
export class LanResponder {
  readonly #parts: LanResponderParts;
  readonly #handshake: Handshake;
  readonly #pace: DatagramPace;
  readonly #stopHearing: Stop;
  #outside = 0;
  #stopSweeping: Stop | undefined;
  #over = false;

  constructor(parts: LanResponderParts) {
    this.#parts = parts;
    const { channel, clock, entropy, server } = parts;
    this.#pace = new DatagramPace(channel.limits, clock.monotonic());
    this.#handshake = new Handshake({
      channel,
      clock,
      entropy,
      onEvent: (event) => this.#tell(event),
      onLogin: (login) => this.#login(login),
    });
    this.#stopHearing = server.onMessage((bytes, peer) => this.#receive(bytes, peer));
  }

  /** Ends every session and closes the socket. */
  async close(): Promise<void> {
    this.#over = true;
    this.#stopHearing();
    this.#stopSweeping?.();
    this.#parts.channel.sessions.endAll('stopped');
    await this.#parts.server.close();
  }

  #receive(bytes: Uint8Array, peer: DatagramPeer): void {
    if (this.#over || bytes.byteLength > LARGEST_DATAGRAM) return;
    const { channel, clock } = this.#parts;
    const counted = (): boolean => this.#pace.allows(countedAs(peer.address), clock.monotonic());
    if (isAsf(bytes)) {
      const pong = counted() ? pongTo(bytes) : undefined;
      if (pong !== undefined) this.#parts.server.send(peer, pong);
      return;
    }
    try {
      const packet = decodePacket(bytes, (id) => channel.sessions.of(id, peer)?.keys);
      if (packet.is === 'session') {
        channel.sessions.get(packet.sessionId)?.receive(packet.payloadType, packet.sequence, packet.payload);
      } else if (counted()) this.#outsideSession(packet, bytes, peer);
    } catch (error) {
      // Cut, damaged or forged: never answered.
      if (error instanceof NsError && error.family === 'peer') return;
      this.#parts.log.log('error', 'bmc.lan-datagram', { error: sentenceOf(error) });
    }
  }

  #outsideSession(
    packet: Exclude<IpmiPacket, { is: 'session' }>,
    bytes: Uint8Array,
    peer: DatagramPeer,
  ): void {
    if (packet.is === 'sessionless') {
      // A session of IPMI 1.5 has an id and numbers: there are none here.
      if (!isAllZero(bytes.subarray(SESSION_15.from, SESSION_15.to))) return;
      void this.#answerNobody(packet.message, peer, encodeSessionless);
    } else if (packet.payloadType === PAYLOAD.ipmi) {
      void this.#answerNobody(packet.payload, peer, (message) => encodeSetup(PAYLOAD.ipmi, message));
    } else {
      const reply = this.#handshake.answer(packet.payloadType, packet.payload, peer);
      if (reply !== undefined) this.#parts.server.send(peer, reply);
      this.#keepSweeping();
    }
  }

  async #answerNobody(
    message: Uint8Array,
    peer: DatagramPeer,
    wrap: (message: Uint8Array) => Uint8Array,
  ): Promise<void> {
    const request = requestIn(message);
    if (request === undefined || this.#outside >= MOST_OUTSIDE) return;
    this.#outside += 1;
    const answer = await this.#parts.commands.answer(request, { is: 'nobody' });
    this.#outside -= 1;
    if (!this.#over) this.#parts.server.send(peer, wrap(responseTo(request, answer)));
  }

  #login(login: LoggedIn): void {
    const { channel, server, commands, clock, entropy, log } = this.#parts;
    const { account, peer } = login;
    const handle = channel.sessions.freeHandle();
    const who = { user: account.name, peer: peerText(peer), handle };
    const session = new ConsoleSession({
      ...login,
      from: peer,
      handle,
      commands,
      clock,
      entropy,
      log,
      waiting: channel.limits.waiting,
      send: (datagram) => server.send(peer, datagram),
      onEnd: (why) => {
        channel.sessions.remove(login.id);
        this.#tell({ is: 'logout', ...who, why });
      },
    });
    channel.sessions.add(session);
    this.#pace.knows(countedAs(peer.address));
    this.#tell({ is: 'login', ...who, limit: login.limit, suite: login.keys.suite.id });
  }

  #tell(event: LanEvent): void {
    try {
      this.#parts.onEvent?.(event);
    } catch (error) {
      this.#parts.log.log('error', 'bmc.lan-event', { event: event.is, error: sentenceOf(error) });
    }
  }

  /** One tick a second while there is anything that may take too long, and none otherwise. */
  #keepSweeping(): void {
    const { channel, clock } = this.#parts;
    this.#stopSweeping ??= clock.every(SWEEP, () => {
      this.#handshake.sweep();
      channel.sessions.endIdle(clock.monotonic());
      if (this.#handshake.size > 0 || channel.sessions.size > 0) return;
      this.#stopSweeping?.();
      this.#stopSweeping = undefined;
    });
  }
}
