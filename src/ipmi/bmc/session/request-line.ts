import { BoundedQueue, type Duration, equalBytes, seconds } from '../../../base/index.ts';
import type { Clock } from '../../../ports/index.ts';
import { BMC_ADDRESS, decodeRequest, encodeResponse } from '../../wire/message.ts';
import type { BmcAnswer } from '../command.ts';
import { type BmcRequest, COMPLETION } from '../dispatch.ts';

/** A console repeats a request for as long as this at most; later, the same bytes are a new request. */
const REPEATED_WITHIN = seconds(10);

export interface RequestLineOptions {
  /** Never rejects. */
  readonly answer: (request: BmcRequest) => Promise<BmcAnswer>;
  readonly send: (message: Uint8Array) => void;
  readonly clock: Clock;
  /** Requests that may wait while one is being answered. */
  readonly capacity: number;
}

interface Answered {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly at: Duration;
}

/**
 * The requests of one session, one at a time. A repetition (the same bytes, request sequence number included) is never executed
 * again: it gets the answer that the first one got.
 */
export class RequestLine {
  readonly #options: RequestLineOptions;
  readonly #queue: BoundedQueue<Uint8Array>;
  #running: Uint8Array | undefined;
  #answered: Answered | undefined;
  #over = false;

  constructor(options: RequestLineOptions) {
    this.#options = options;
    this.#queue = new BoundedQueue(options.capacity);
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** What is no request to the BMC, or is damaged, is dropped. */
  take(message: Uint8Array): void {
    if (this.#over) return;
    const { send, clock } = this.#options;
    if (this.#running !== undefined && equalBytes(this.#running, message)) return;
    const last = this.#answered;
    if (last !== undefined && equalBytes(last.request, message)) {
      if (clock.monotonic() - last.at <= REPEATED_WITHIN) {
        send(last.response);
        return;
      }
      this.#answered = undefined;
    }
    for (const waiting of this.#queue) if (equalBytes(waiting, message)) return;
    const request = requestIn(message);
    if (request === undefined) return;
    if (!this.#queue.push(message)) {
      send(responseTo(request, { completion: COMPLETION.busy, data: new Uint8Array(0) }));
      return;
    }
    if (this.#running === undefined) void this.#run();
  }

  /** Nothing is answered from now on. */
  end(): void {
    this.#over = true;
    this.#queue.removeWhere(() => true);
  }

  async #run(): Promise<void> {
    const { answer, send, clock } = this.#options;
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      this.#running = message;
      const request = requestIn(message)!;
      const response = responseTo(request, await answer(request));
      this.#answered = { request: message, response, at: clock.monotonic() };
      this.#running = undefined;
      if (this.#over) return;
      send(response);
    }
  }
}

type Heard = ReturnType<typeof decodeRequest>;

/** Undefined for what is damaged, is a response, or is for somebody behind the BMC. */
export function requestIn(message: Uint8Array): Heard | undefined {
  if (message[0] !== BMC_ADDRESS) return undefined;
  try {
    const request = decodeRequest(message);
    return (request.netFn & 1) === 0 ? request : undefined;
  } catch {
    return undefined;
  }
}

export const responseTo = (request: Heard, answer: BmcAnswer): Uint8Array =>
  encodeResponse({ ...request, netFn: request.netFn + 1, ...answer }, request.requester);
