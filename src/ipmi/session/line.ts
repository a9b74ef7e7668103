import { asNsError, type Duration, milliseconds, NsError } from '../../base/index.ts';
import type { Clock, Datagram, Entropy, Stop } from '../../ports/index.ts';
import { decodePacket, type IpmiPacket } from '../wire/packet.ts';
import type { SessionKeys } from '../wire/protection.ts';

/** How long to wait for a BMC. */
export interface Patience {
  /** Before the first repetition; each further wait is twice as long, and up to a quarter longer by chance. */
  readonly first: Duration;
  /** Datagrams in all; 1 for what must not be repeated. */
  readonly tries: number;
  /** For the question as a whole, whatever the tries. */
  readonly total: Duration;
}

/** Session ids and their keys, as far as this side has them. */
export type KeyRing = (sessionId: number) => SessionKeys | undefined;

export type SessionPacket = Extract<IpmiPacket, { is: 'session' }>;

/**
 * Question and answer over a Datagram, one at a time, and payloads of other types beside them. What cannot be read, has a
 * wrong code, or answers no open question is dropped without a word.
 */
export class Line {
  readonly peer: string;
  readonly #datagram: Datagram;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #keys: KeyRing;
  readonly #stop: () => void;
  readonly #payloads = new Map<number, (packet: SessionPacket) => void>();
  #hear: ((packet: IpmiPacket) => void) | undefined;
  #give: ((error: unknown) => void) | undefined;

  constructor(datagram: Datagram, clock: Clock, entropy: Entropy, keys: KeyRing) {
    this.peer = datagram.peer;
    this.#datagram = datagram;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#keys = keys;
    this.#stop = datagram.onMessage((bytes) => this.#receive(bytes));
  }

  /**
   * Sends until `accept` finds the answer. `make` is called for each try: a repetition within a session needs a number of
   * its own. NS_IPMI_SILENT where nothing acceptable comes in time; what `accept` throws ends it at once.
   */
  ask<T>(
    what: string,
    make: () => Uint8Array,
    accept: (packet: IpmiPacket) => T | undefined,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#hear !== undefined)
        throw new NsError('NS_IPMI_SESSION', 'two questions at once', { family: 'bug' });
      let over = false;
      let stop: Stop = () => {};
      const end = (): void => {
        over = true;
        stop();
        signal.removeEventListener('abort', onAbort);
        this.#hear = undefined;
        this.#give = undefined;
      };
      const give = (error: unknown): void => {
        end();
        reject(asNsError(error, 'NS_IPMI_SESSION'));
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      this.#hear = (packet) => {
        try {
          const found = accept(packet);
          if (found === undefined) return;
          end();
          resolve(found);
        } catch (error) {
          give(error);
        }
      };
      this.#give = give;
      signal.addEventListener('abort', onAbort);
      stop = this.#sendAgainAndAgain(make, patience, give, () => give(this.#silent(what, patience.tries)));
      // Answered before the call came back.
      if (over) stop();
    });
  }

  /** Ends the question that is open, if there is one, with this error. */
  cancel(error: NsError): void {
    this.#give?.(error);
  }

  /** Packets of a session with this payload type, whether a question is open or not. */
  onPayload(payloadType: number, listener: (packet: SessionPacket) => void): Stop {
    this.#payloads.set(payloadType, listener);
    return () => this.#payloads.delete(payloadType);
  }

  /** Sends and waits for nothing. */
  async tell(bytes: Uint8Array): Promise<void> {
    await this.#datagram.send(bytes);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#datagram.close();
  }

  /** Until it is stopped, the network takes no more, or patience is at its end. */
  #sendAgainAndAgain(
    make: () => Uint8Array,
    { first, tries, total }: Patience,
    failed: (error: unknown) => void,
    silent: () => void,
  ): Stop {
    const clock = this.#clock;
    const begin = clock.monotonic();
    let sent = 0;
    let stopped = false;
    let stopWaiting: Stop = () => {};
    const step = (): void => {
      const left = total - (clock.monotonic() - begin);
      // Less than a timer can tell.
      if (sent > 0 && (sent === tries || left < 1)) {
        silent();
        return;
      }
      const wait = first * 2 ** sent * (1 + this.#entropy.fraction() / 4);
      sent += 1;
      stopWaiting = clock.after(milliseconds(Math.min(wait, left)), step);
      this.#send(make).catch((error: unknown) => {
        if (!stopped) failed(error);
      });
    };
    step();
    return () => {
      stopped = true;
      stopWaiting();
    };
  }

  /** What goes wrong is a rejection, wherever it does. */
  async #send(make: () => Uint8Array): Promise<void> {
    await this.#datagram.send(make());
  }

  #receive(bytes: Uint8Array): void {
    if (this.#hear === undefined && this.#payloads.size === 0) return;
    let packet: IpmiPacket;
    try {
      packet = decodePacket(bytes, this.#keys);
    } catch {
      return;
    }
    const listener = packet.is === 'session' ? this.#payloads.get(packet.payloadType) : undefined;
    if (listener !== undefined && packet.is === 'session') listener(packet);
    else this.#hear?.(packet);
  }

  #silent(what: string, tries: number): NsError {
    const times = tries === 1 ? 'once' : `${tries} times at most`;
    return new NsError('NS_IPMI_SILENT', `${what}: no answer from ${this.peer}, asked ${times}`, {
      retryable: true,
    });
  }
}
