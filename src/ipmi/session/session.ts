import { type Duration, hasCode, milliseconds, type NsError } from '../../base/index.ts';
import type { Clock, Datagram, Entropy, Stop } from '../../ports/index.ts';
import type { BridgeTarget } from '../bridge.ts';
import { closeSession } from '../commands/close-session.ts';
import { bridgedRequest, bridgedResponse } from '../wire/bridged.ts';
import { decodeResponse, encodeRequest, type IpmiResponse } from '../wire/message.ts';
import { encodeSession, type IpmiPacket, PAYLOAD } from '../wire/packet.ts';
import { InOrder } from './in-order.ts';
import { Line, type Patience } from './line.ts';
import { type Quirk, QuirksInUse } from './quirks.ts';
import { nextSequence, SequenceWindow } from './sequence-window.ts';
import { type Login, type SetUp, setUpSession } from './set-up.ts';

export interface SessionOptions {
  readonly datagram: Datagram;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly login: Login;
  readonly patience: Patience;
  /** Called with each quirk that is put to use in this session, once. */
  readonly onQuirk?: (quirk: Quirk) => void;
}

export interface Question {
  /** In the specification's words, for errors. */
  readonly name: string;
  readonly netFn: number;
  readonly command: number;
  readonly lun?: number;
  readonly data: Uint8Array;
  /** May take effect twice without harm, and so be sent again when no answer comes. */
  readonly repeatable: boolean;
}

/** A BMC that is there is told in time; for one that is gone nobody waits. */
const CLOSING: Patience = { first: milliseconds(200), tries: 2, total: milliseconds(500) };
const SEQUENCES = 64;

/** An open RMCP+ session: one request at a time, each answered or failed within its time. */
export class IpmiSession {
  readonly #line: Line;
  readonly #options: SessionOptions;
  readonly #setUp: SetUp;
  readonly #received = new SequenceWindow();
  /** What this BMC is allowed to get wrong. */
  readonly quirks: QuirksInUse;
  #sent = 0;
  #request = 0;
  #lastUse: Duration;

  private constructor(line: Line, setUp: SetUp, quirks: QuirksInUse, options: SessionOptions) {
    this.quirks = quirks;
    this.#line = line;
    this.#setUp = setUp;
    this.#options = options;
    this.#lastUse = options.clock.monotonic();
  }

  /** Codes as in setUpSession. The datagram is closed where it fails. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<IpmiSession> {
    const { datagram, clock, entropy, login, patience, onQuirk } = options;
    const quirks = new QuirksInUse(login.quirks, onQuirk);
    const consoleSession = new DataView(entropy.randomBytes(4).buffer).getUint32(0) || 1;
    let setUp: SetUp | undefined;
    const line = new Line(datagram, clock, entropy, (id) =>
      // Session 0 is no other one by mistake: its packets must be right under the same keys.
      id === consoleSession || id === 0 ? setUp?.keys : undefined,
    );
    try {
      setUp = await setUpSession(line, login, consoleSession, entropy, patience, quirks, signal);
      return new IpmiSession(line, setUp, quirks, options);
    } catch (error) {
      await line.close();
      throw error;
    }
  }

  /** How long nothing has been heard from the BMC. */
  get idle(): Duration {
    return (this.#options.clock.monotonic() - this.#lastUse) as Duration;
  }

  /**
   * Gives the response, whatever its completion code. NS_IPMI_SILENT where none comes: then the session may be gone too. A
   * repetition has the same request sequence, so that the BMC can tell it, and a session sequence of its own. `target`: the
   * controller behind the BMC to whom it is handed on; where that cannot be done, the BMC's reason is an IpmiCompletion.
   */
  ask(question: Question, signal: AbortSignal, target?: BridgeTarget): Promise<IpmiResponse> {
    return this.#ask(question, this.#options.patience, signal, target);
  }

  async #ask(
    question: Question,
    patience: Patience,
    signal: AbortSignal,
    target?: BridgeTarget,
  ): Promise<IpmiResponse> {
    this.#request = (this.#request + 1) % SEQUENCES;
    const sequence = this.#request;
    const request = { ...question, sequence };
    const message = target === undefined ? encodeRequest(request) : bridgedRequest(request, target);
    const response = await this.#line.ask(
      question.name,
      () => this.#seal(message),
      (packet) => this.#responseIn(packet, question, sequence, target !== undefined),
      question.repeatable ? patience : { ...patience, first: patience.total, tries: 1 },
      signal,
    );
    this.#lastUse = this.#options.clock.monotonic();
    return response;
  }

  /**
   * Payloads of this type from the BMC, beside the questions: each once, and none that another has overtaken. One listener a
   * type.
   */
  onPayload(payloadType: number, listener: (payload: Uint8Array) => void): Stop {
    const order = new InOrder();
    return this.#line.onPayload(payloadType, ({ sequence, payload }) => {
      if (!this.#received.take(sequence)) return;
      this.#lastUse = this.#options.clock.monotonic();
      if (order.take(sequence)) listener(payload);
    });
  }

  /** Sends a payload of another type, encrypted and authenticated; lost where the network does not take it. */
  send(payloadType: number, payload: Uint8Array): void {
    this.#line.tell(this.#seal(payload, payloadType)).catch(() => undefined);
  }

  /** Ends the question that is open, if there is one, with this error. */
  cancel(error: NsError): void {
    this.#line.cancel(error);
  }

  /** Frees the session at the BMC, as far as it can still be reached. Never fails. */
  async close(signal: AbortSignal): Promise<void> {
    const { name, netFn, code } = closeSession;
    const data = closeSession.encode({ id: this.#setUp.bmcSession });
    // Its own session cannot be closed twice.
    const question = { name, netFn, command: code, data, repeatable: true };
    await this.#ask(question, CLOSING, signal).catch(() => undefined);
    await this.#line.close();
  }

  /** Ends it on this side only. */
  async abandon(): Promise<void> {
    await this.#line.close();
  }

  #seal(message: Uint8Array, payloadType: number = PAYLOAD.ipmi): Uint8Array {
    const { keys, bmcSession } = this.#setUp;
    this.#sent = nextSequence(this.#sent);
    const packet = {
      payloadType,
      sessionId: bmcSession,
      sequence: this.#sent,
      payload: message,
    };
    return encodeSession(packet, keys, this.#options.entropy.randomBytes(16));
  }

  #responseIn(
    packet: IpmiPacket,
    question: Question,
    sequence: number,
    bridged: boolean,
  ): IpmiResponse | undefined {
    if (packet.is !== 'session' || packet.payloadType !== PAYLOAD.ipmi) return undefined;
    if (!this.#received.take(packet.sequence)) return undefined;
    if (packet.sessionId === 0) this.quirks.need('session-id-zero', question.name);
    const came = this.#decode(packet.payload, question.name);
    const response = bridged ? bridgedResponse(came, sequence) : came;
    const answers =
      response?.sequence === sequence &&
      response.command === question.command &&
      response.netFn === question.netFn + 1;
    return answers ? response : undefined;
  }

  #decode(message: Uint8Array, name: string): IpmiResponse {
    try {
      return decodeResponse(message);
    } catch (error) {
      if (!hasCode(error, 'NS_IPMI_MESSAGE')) throw error;
      const response = decodeResponse(message, false);
      this.quirks.need('bad-message-checksum', name);
      return response;
    }
  }
}
