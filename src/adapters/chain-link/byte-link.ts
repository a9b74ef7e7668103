import { bytes, type Duration } from '../../base/index.ts';
import type { ChainFrame, ChainLink, Stop } from '../../ports/index.ts';
import { checkFrameSize, LinkSession, millis, type Scheduler } from '../../sata-chain/index.ts';
import type { ByteLine } from './byte-line.ts';
import { FrameQueue, type QueueLimits } from './frame-queue.ts';
import { LinkListeners } from './link-listeners.ts';
import { newSession } from './new-session.ts';

export interface ByteLinkOptions {
  readonly name: string;
  /** Content of a frame, in bytes. */
  readonly largestFrame: number;
  readonly lossless: boolean;
  readonly roundTrip: Duration;
  readonly queue: QueueLimits;
  /** Each side says hello this often, and is disconnected after so many without hearing anything. */
  readonly keepAlive: Duration;
  readonly silentHellos: number;
}

/** A ChainLink over lines of bytes that come and go, one at a time. */
export class ByteLink implements ChainLink {
  readonly name: string;
  readonly capabilities: ChainLink['capabilities'];
  readonly #session: LinkSession;
  readonly #queue: FrameQueue;
  readonly #listeners = new LinkListeners();
  readonly #closing = new AbortController();
  #line: ByteLine | undefined;
  #waitsFor: ByteLine | undefined;
  #connections = 0;

  constructor(options: ByteLinkOptions, scheduler: Scheduler) {
    this.name = options.name;
    const { lossless, roundTrip } = options;
    this.capabilities = { largestFrame: bytes(options.largestFrame), lossless, roundTrip };
    this.#queue = new FrameQueue(options.queue);
    const { largestFrame, silentHellos } = options;
    const keepAlive = millis(options.keepAlive);
    this.#session = new LinkSession({ largestFrame, keepAlive, silentHellos, newSession }, scheduler, {
      write: (packet) => void this.#line?.write(packet),
      frame: (frame) => this.#listeners.frame(frame),
      connection: (connected) => this.#connection(connected),
    });
  }

  /** Aborts at close. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get connected(): boolean {
    return this.#session.connected;
  }

  /** Connections so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Packets that made no sense, since the start. */
  get rejected(): number {
    return this.#session.rejected;
  }

  /** Works with this line until it hangs up, and gives the reason. */
  async use(line: ByteLine): Promise<string> {
    if (this.closing.aborted) {
      await line.close();
      return 'closed';
    }
    const stopData = line.onData((chunk) => this.#session.received(chunk));
    const over = new Promise<string>((resolve) => line.onHangUp(resolve));
    this.#line = line;
    this.#session.lineUp();
    const hang = (): void => void line.close();
    this.closing.addEventListener('abort', hang, { once: true });
    const reason = await over;
    this.closing.removeEventListener('abort', hang);
    stopData();
    this.#line = undefined;
    this.#session.lineDown();
    return reason;
  }

  send(frame: ChainFrame): boolean {
    checkFrameSize(frame, this.capabilities.largestFrame, this.name);
    if (!this.#queue.push(frame)) return false;
    this.#pump();
    return true;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#queue.room(signal);
  }

  onFrame(listener: (frame: ChainFrame) => void): Stop {
    return this.#listeners.onFrame(listener);
  }

  onConnection(listener: (connected: boolean) => void): Stop {
    return this.#listeners.onConnection(listener);
  }

  async close(): Promise<void> {
    this.#queue.close();
    this.#closing.abort('closed');
    const line = this.#line;
    this.#session.lineDown();
    await line?.close();
  }

  #connection(connected: boolean): void {
    if (connected) {
      this.#connections += 1;
      this.#queue.open();
    } else this.#queue.drop();
    this.#listeners.connection(connected);
  }

  /** Frames wait here and not in the line's own buffer, so that a hello never waits behind many. */
  #pump(): void {
    const line = this.#line;
    if (line === undefined || this.#waitsFor === line) return;
    for (let frame = this.#queue.first(); frame !== undefined; frame = this.#queue.first()) {
      if (!line.write(this.#session.encode(frame))) {
        this.#waitsFor = line;
        void line.room(this.closing).then(
          () => this.#roomAgain(line),
          () => undefined,
        );
        return;
      }
      this.#queue.shift();
    }
  }

  #roomAgain(line: ByteLine): void {
    this.#waitsFor = undefined;
    if (this.#line === line) this.#pump();
  }
}
