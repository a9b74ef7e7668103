import { type Duration, equalBytes, sentenceOf } from '../../../base/index.ts';
import type { Clock, DatagramPeer, Entropy, LogSink, Stop } from '../../../ports/index.ts';
import { InOrder } from '../../session/in-order.ts';
import { nextSequence, SequenceWindow } from '../../session/sequence-window.ts';
import type { Level } from '../../session/set-up.ts';
import { encodeSession, PAYLOAD } from '../../wire/packet.ts';
import type { SessionKeys } from '../../wire/protection.ts';
import type { CallerSession } from '../command.ts';
import type { BmcCommands } from '../dispatch.ts';
import type { BmcAccount } from './account.ts';
import type { SessionEnd } from './event.ts';
import type { Welcome } from './handshake.ts';
import { peerText } from './peer.ts';
import { RequestLine } from './request-line.ts';

export interface ConsoleSessionParts {
  /** The BMC's id, and the console's. */
  readonly id: number;
  readonly consoleSession: number;
  readonly handle: number;
  readonly keys: SessionKeys;
  readonly account: BmcAccount;
  readonly limit: Level;
  readonly from: DatagramPeer;
  readonly commands: BmcCommands;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: LogSink;
  /** Requests that may wait. */
  readonly waiting: number;
  readonly welcome: Welcome;
  readonly send: (datagram: Uint8Array) => void;
  /** Once, when it is over. */
  readonly onEnd: (why: SessionEnd) => void;
}

const IV_SIZE = 16;

/** An open session from the BMC's side. It begins at USER level. */
export class ConsoleSession implements CallerSession {
  readonly id: number;
  readonly handle: number;
  readonly limit: Level;
  readonly peer: string;
  readonly from: DatagramPeer;
  readonly keys: SessionKeys;
  readonly account: BmcAccount;
  readonly #parts: ConsoleSessionParts;
  readonly #heard = new SequenceWindow();
  readonly #ordered = new InOrder();
  readonly #line: RequestLine;
  readonly #listeners = new Map<number, (payload: Uint8Array) => void>();
  readonly #whenClosed = new Set<() => void>();
  #level: Level = 'user';
  #sent = 0;
  #welcome: Welcome | undefined;
  #closing = false;
  #over = false;
  #lastHeard: Duration;

  constructor(parts: ConsoleSessionParts) {
    this.#parts = parts;
    const { id, handle, limit, from, keys, account, clock } = parts;
    this.id = id;
    this.handle = handle;
    this.limit = limit;
    this.from = from;
    this.keys = keys;
    this.account = account;
    this.peer = peerText(from);
    this.#welcome = parts.welcome;
    this.#lastHeard = clock.monotonic();
    this.#line = new RequestLine({
      answer: (request) =>
        parts.commands.answer(request, {
          is: 'user',
          name: account.name,
          level: this.#level,
          session: this,
        }),
      send: (message) => {
        this.send(PAYLOAD.ipmi, message);
        if (this.#closing) this.end('closed');
      },
      clock,
      capacity: parts.waiting,
    });
  }

  get level(): Level {
    return this.#level;
  }

  setLevel(level: Level): void {
    this.#level = level;
  }

  /** How long nothing was heard from the console. */
  idle(now: Duration): number {
    return now - this.#lastHeard;
  }

  /** RAKP 4 once more, for the same RAKP 3: until the console was heard, the first may have got lost. */
  welcomeAgain(rakp3: Uint8Array): Uint8Array | undefined {
    const welcome = this.#welcome;
    return welcome !== undefined && equalBytes(welcome.rakp3, rakp3) ? welcome.rakp4 : undefined;
  }

  /** A payload whose code was right. A number that was used before is dropped. */
  receive(payloadType: number, sequence: number, payload: Uint8Array): void {
    if (this.#over || !this.#heard.take(sequence)) return;
    this.#lastHeard = this.#parts.clock.monotonic();
    this.#welcome = undefined;
    if (payloadType === PAYLOAD.ipmi) this.#line.take(payload);
    else if (this.#ordered.take(sequence)) this.#listeners.get(payloadType)?.(payload);
  }

  send(payloadType: number, payload: Uint8Array): void {
    if (this.#over) return;
    const { consoleSession, entropy, send } = this.#parts;
    this.#sent = nextSequence(this.#sent);
    const packet = { payloadType, sessionId: consoleSession, sequence: this.#sent, payload };
    send(encodeSession(packet, this.keys, entropy.randomBytes(IV_SIZE)));
  }

  onPayload(payloadType: number, listener: (payload: Uint8Array) => void): Stop {
    this.#listeners.set(payloadType, listener);
    return () => {
      if (this.#listeners.get(payloadType) === listener) this.#listeners.delete(payloadType);
    };
  }

  onClose(listener: () => void): Stop {
    if (this.#over) {
      listener();
      return () => {};
    }
    const once = (): void => listener();
    this.#whenClosed.add(once);
    return () => {
      this.#whenClosed.delete(once);
    };
  }

  close(): void {
    if (this.#line.busy) this.#closing = true;
    else this.end('closed');
  }

  /** At once. */
  end(why: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#line.end();
    this.#listeners.clear();
    this.#parts.onEnd(why);
    const listeners = [...this.#whenClosed];
    this.#whenClosed.clear();
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        this.#parts.log.log('error', 'bmc.session-listener', { error: sentenceOf(error) });
      }
    }
  }
}
