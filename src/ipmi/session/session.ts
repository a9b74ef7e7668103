import type { Duration } from '../../base/index.ts';
import type { Clock, Datagram, Entropy, Stop } from '../../ports/index.ts';
import { decodeResponse, encodeRequest, type IpmiResponse, NET_FN } from '../wire/message.ts';
import { encodeSession, type IpmiPacket, PAYLOAD } from '../wire/packet.ts';
import { InOrder } from './in-order.ts';
import { Line, type Patience } from './line.ts';
import { nextSequence, SequenceWindow } from './sequence-window.ts';
import { type Login, type SetUp, setUpSession } from './set-up.ts';

export interface SessionOptions {
  readonly datagram: Datagram;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly login: Login;
  readonly patience: Patience;
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

const CLOSE_SESSION = 0x3c;
const SEQUENCES = 64;

/** An open RMCP+ session: one request at a time, each answered or failed within its time. */
export class IpmiSession {
  readonly #line: Line;
  readonly #options: SessionOptions;
  readonly #setUp: SetUp;
  readonly #received = new SequenceWindow();
  #sent = 0;
  #request = 0;
  #lastUse: Duration;

  private constructor(line: Line, setUp: SetUp, options: SessionOptions) {
    this.#line = line;
    this.#setUp = setUp;
    this.#options = options;
    this.#lastUse = options.clock.monotonic();
  }

  /** Codes as in setUpSession. The datagram is closed where it fails. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<IpmiSession> {
    const { datagram, clock, entropy, login, patience } = options;
    const consoleSession = new DataView(entropy.randomBytes(4).buffer).getUint32(0) || 1;
    let setUp: SetUp | undefined;
    const line = new Line(datagram, clock, entropy, (id) =>
      id === consoleSession ? setUp?.keys : undefined,
    );
    try {
      setUp = await setUpSession(line, login, consoleSession, entropy, patience, signal);
      return new IpmiSession(line, setUp, options);
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
   * repetition has the same request sequence, so that the BMC can tell it, and a session sequence of its own.
   */
  async ask(question: Question, signal: AbortSignal): Promise<IpmiResponse> {
    this.#request = (this.#request + 1) % SEQUENCES;
    const sequence = this.#request;
    const message = encodeRequest({ ...question, sequence });
    const { patience } = this.#options;
    const response = await this.#line.ask(
      question.name,
      () => this.#seal(message),
      (packet) => this.#responseIn(packet, question, sequence),
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

  /** Frees the session at the BMC, as far as it can still be reached. Never fails. */
  async close(signal: AbortSignal): Promise<void> {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, this.#setUp.bmcSession, true);
    const question = {
      name: 'Close Session',
      netFn: NET_FN.app,
      command: CLOSE_SESSION,
      data,
      repeatable: false,
    };
    await this.ask(question, signal).catch(() => undefined);
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

  #responseIn(packet: IpmiPacket, question: Question, sequence: number): IpmiResponse | undefined {
    if (packet.is !== 'session' || packet.payloadType !== PAYLOAD.ipmi) return undefined;
    if (!this.#received.take(packet.sequence)) return undefined;
    const response = decodeResponse(packet.payload);
    const answers =
      response.sequence === sequence &&
      response.command === question.command &&
      response.netFn === question.netFn + 1;
    return answers ? response : undefined;
  }
}
