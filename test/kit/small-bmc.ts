import { concatBytes, equalBytes, NsError } from '../../src/base/index.ts';
import {
  type Exchange,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionIntegrityKey,
  type UserKey,
} from '../../src/ipmi/session/rakp.ts';
import type { CipherSuite } from '../../src/ipmi/wire/cipher-suite.ts';
import { decodeRequest, encodeResponse, type IpmiRequest } from '../../src/ipmi/wire/message.ts';
import { decodePacket, encodeSession, encodeSetup, PAYLOAD } from '../../src/ipmi/wire/packet.ts';
import { deriveKeys, type SessionKeys } from '../../src/ipmi/wire/protection.ts';
import type { Datagram } from '../../src/ports/index.ts';

export interface SmallBmcOptions {
  readonly suite: CipherSuite;
  readonly key: UserKey;
  readonly user: string;
  /** Completion code and data; by default C1h. */
  readonly answer?: (request: IpmiRequest) => readonly [number, Uint8Array];
  /** May drop, change or repeat what the BMC sends. */
  readonly mangle?: (bytes: Uint8Array, count: number) => readonly Uint8Array[];
  /** Status of the reply to Open Session. */
  readonly openStatus?: () => number;
  /** What it tells as the level granted; what was asked for by default. */
  readonly grantedLevel?: number;
  /** What it puts into its hashes instead of what it heard; `level` is that of Open Session. */
  readonly computesWith?: (exchange: Exchange, level: number) => Exchange;
  /** Its own id of the session. */
  readonly session?: number;
  /** The session id in what it sends; the console's by default. */
  readonly marks?: number;
  /** The messages that go out, each in a packet of its own, instead of this one. */
  readonly alter?: (message: Uint8Array, request: IpmiRequest) => readonly Uint8Array[];
}

const BMC_SESSION = 0x0200_0008;
const GUID = new Uint8Array(16).fill(0xa5);

/** As much of a BMC as a session needs, in one process with its client; every datagram is counted. */
export class SmallBmc implements Datagram {
  readonly peer = 'small-bmc:623';
  readonly heard: Uint8Array[] = [];
  readonly requests: IpmiRequest[] = [];
  closed = false;
  #hear: ((bytes: Uint8Array) => void) | undefined;
  #exchange: Exchange | undefined;
  #keys: SessionKeys | undefined;
  #sequence = 0;
  #sentCount = 0;
  #level = 0;
  readonly #options: SmallBmcOptions;

  constructor(options: SmallBmcOptions) {
    this.#options = options;
  }

  async send(bytes: Uint8Array): Promise<void> {
    this.heard.push(bytes);
    const packet = decodePacket(bytes, () => this.#keys);
    if (packet.is === 'setup') this.#setUp(packet.payloadType, packet.payload);
    if (packet.is === 'session') this.#inside(packet.payload);
  }

  onMessage(listener: (bytes: Uint8Array) => void): () => void {
    this.#hear = listener;
    return () => {
      this.#hear = undefined;
    };
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** From nowhere: what a stranger on the network could send. */
  inject(bytes: Uint8Array): void {
    this.#hear?.(bytes);
  }

  #reply(bytes: Uint8Array): void {
    this.#sentCount += 1;
    const sent = this.#options.mangle?.(bytes, this.#sentCount) ?? [bytes];
    for (const each of sent) queueMicrotask(() => this.#hear?.(each));
  }

  #setUp(type: number, payload: Uint8Array): void {
    const { suite, key, user } = this.#options;
    const tag = payload[0]!;
    const console = payload.subarray(4, 8);
    const { computesWith = (x: Exchange) => x, session = BMC_SESSION } = this.#options;
    if (type === PAYLOAD.openSessionRequest) {
      const status = this.#options.openStatus?.() ?? 0;
      if (status !== 0) {
        this.#reply(encodeSetup(PAYLOAD.openSessionResponse, Uint8Array.of(tag, status)));
        return;
      }
      this.#level = payload[1]!;
      const head = Uint8Array.of(tag, 0, this.#options.grantedLevel ?? payload[1]!, 0);
      const chosen = Uint8Array.from(payload.subarray(8));
      chosen[4] = suite.authentication;
      chosen[12] = suite.integrity;
      this.#exchange = {
        suite,
        consoleSession: new DataView(console.buffer, console.byteOffset).getUint32(0, true),
        bmcSession: session,
        consoleRandom: new Uint8Array(16),
        bmcRandom: new Uint8Array(16).fill(0x5a),
        bmcGuid: GUID,
        role: 0,
        user: new Uint8Array(0),
      };
      const id = u32(session);
      this.#reply(encodeSetup(PAYLOAD.openSessionResponse, concatBytes(head, console, id, chosen)));
      return;
    }
    if (this.#exchange === undefined) throw new NsError('NS_INTERNAL', 'RAKP before open session');
    if (type === PAYLOAD.rakp1) {
      const name = payload.subarray(28);
      const x = {
        ...this.#exchange,
        consoleRandom: payload.slice(8, 24),
        role: payload[24]!,
        user: name.slice(),
      };
      this.#exchange = x;
      if (Buffer.from(name).toString().replace(/\0+$/, '') !== user) {
        this.#reply(encodeSetup(PAYLOAD.rakp2, Uint8Array.of(tag, 0x0d)));
        return;
      }
      const body = concatBytes(
        Uint8Array.of(tag, 0, 0, 0),
        u32(x.consoleSession),
        x.bmcRandom,
        GUID,
        rakp2Code(computesWith(x, this.#level), key),
      );
      this.#reply(encodeSetup(PAYLOAD.rakp2, body));
    }
    if (type === PAYLOAD.rakp3 && payload[1] === 0) {
      const x = computesWith(this.#exchange, this.#level);
      if (!equalBytes(payload.subarray(8), rakp3Code(x, key))) throw new NsError('NS_INTERNAL', 'RAKP 3');
      const sik = sessionIntegrityKey(x, key);
      this.#keys = deriveKeys(suite, sik);
      const head = concatBytes(Uint8Array.of(tag, 0, 0, 0), u32(this.#exchange.consoleSession));
      this.#reply(encodeSetup(PAYLOAD.rakp4, concatBytes(head, rakp4Code(this.#exchange, sik))));
    }
  }

  #inside(asked: Uint8Array): void {
    const request = decodeRequest(asked);
    this.requests.push(request);
    const [completion, data] = this.#options.answer?.(request) ?? [0xc1, new Uint8Array(0)];
    const message = encodeResponse({ ...request, netFn: request.netFn + 1, completion, data });
    for (const payload of this.#options.alter?.(message, request) ?? [message]) this.say(payload);
  }

  /** Sends a message of its own within the session. */
  say(payload: Uint8Array): void {
    this.#sequence += 1;
    const sessionId = this.#options.marks ?? this.#exchange!.consoleSession;
    this.#reply(
      encodeSession(
        { payloadType: PAYLOAD.ipmi, sessionId, sequence: this.#sequence, payload },
        this.#keys!,
        new Uint8Array(16).fill(this.#sequence),
      ),
    );
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
