import type { Clock, Datagram, Entropy } from '../../ports/index.ts';
import type { Carrier } from '../command.ts';
import { decodeResponse, encodeRequest, type IpmiResponse } from '../wire/message.ts';
import { encodeSessionless, type IpmiPacket } from '../wire/packet.ts';
import { Line, type Patience } from './line.ts';

export interface SessionlessOptions {
  /** A socket of its own for each question. */
  readonly openDatagram: () => Promise<Datagram>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly patience: Patience;
}

const SEQUENCES = 64;

/**
 * Commands outside any session, for the few that a BMC answers there (IPMI 2.0, appendix G: capabilities and cipher suites).
 * Nothing protects the answers: whoever is on the way can change them.
 */
export class SessionlessCarrier implements Carrier {
  readonly #options: SessionlessOptions;

  constructor(options: SessionlessOptions) {
    this.#options = options;
  }

  /** NS_IPMI_SILENT where no answer comes in time. */
  async carry(question: Parameters<Carrier['carry']>[0], signal: AbortSignal): Promise<IpmiResponse> {
    const { openDatagram, clock, entropy, patience } = this.#options;
    const line = new Line(await openDatagram(), clock, entropy, () => undefined);
    const sequence = entropy.randomBytes(1)[0]! % SEQUENCES;
    const message = encodeRequest({ ...question, sequence });
    const accept = (packet: IpmiPacket): IpmiResponse | undefined => {
      const response = packet.is === 'sessionless' ? readable(packet.message) : undefined;
      const answers =
        response?.sequence === sequence &&
        response.command === question.command &&
        response.netFn === question.netFn + 1;
      return answers ? response : undefined;
    };
    try {
      return await line.ask(question.name, () => encodeSessionless(message), accept, patience, signal);
    } finally {
      await line.close();
    }
  }
}

/** What cannot be read may come from anybody, and is passed over. */
function readable(message: Uint8Array): IpmiResponse | undefined {
  try {
    return decodeResponse(message);
  } catch {
    return undefined;
  }
}
