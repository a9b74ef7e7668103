import { bytes, type Duration, KiB, milliseconds } from '../../base/index.ts';
import type { ChainFrame, ChainLink, Stop } from '../../ports/index.ts';
import { checkFrameSize, millis, type Scheduler } from '../../sata-chain/index.ts';
import { FrameQueue, type QueueLimits } from './frame-queue.ts';
import { LinkListeners } from './link-listeners.ts';

export interface InProcessOptions {
  readonly name?: string;
  /** One way; nothing by default, though a frame never arrives within send itself. */
  readonly delay?: Duration;
  readonly largestFrame?: number;
  /** Frames under way in one direction. */
  readonly queue?: QueueLimits;
}

export interface InProcessPair {
  readonly ends: readonly [ChainLink, ChainLink];
  /** Pulls the cable: both ends are disconnected, and what was under way is lost. */
  cut(): void;
  restore(): void;
}

const QUEUE: QueueLimits = { frames: 256, bytes: 1024 * KiB };

/** Two ends of one cable within this process. Frames travel by reference. */
export function inProcessPair(scheduler: Scheduler, options: InProcessOptions = {}): InProcessPair {
  const ends = [new End(scheduler, options, 'a'), new End(scheduler, options, 'b')] as const;
  ends[0].join(ends[1]);
  ends[1].join(ends[0]);
  const connect = (connected: boolean): void => {
    for (const end of ends) end.connect(connected && !ends.some(({ closed }) => closed));
  };
  for (const end of ends) end.onClose = () => connect(false);
  connect(true);
  return { ends, cut: () => connect(false), restore: () => connect(true) };
}

class End implements ChainLink {
  readonly name: string;
  readonly capabilities: ChainLink['capabilities'];
  closed = false;
  onClose: () => void = () => undefined;
  readonly #scheduler: Scheduler;
  readonly #delay: Duration;
  readonly #underWay: FrameQueue;
  readonly #listeners = new LinkListeners();
  #other: End | undefined;
  /** Counts connections: what was sent in an earlier one does not arrive. */
  #connection = 0;

  constructor(scheduler: Scheduler, options: InProcessOptions, side: string) {
    this.name = `${options.name ?? 'chain'}.${side}`;
    this.#scheduler = scheduler;
    this.#delay = options.delay ?? milliseconds(0);
    this.capabilities = {
      largestFrame: bytes(options.largestFrame ?? 64 * KiB),
      lossless: true,
      roundTrip: milliseconds(2 * this.#delay),
    };
    this.#underWay = new FrameQueue(options.queue ?? QUEUE);
  }

  join(other: End): void {
    this.#other = other;
  }

  connect(connected: boolean): void {
    if (connected === this.#listeners.connected) return;
    this.#connection += 1;
    if (connected) this.#underWay.open();
    else this.#underWay.drop();
    this.#listeners.connection(connected);
  }

  send(frame: ChainFrame): boolean {
    checkFrameSize(frame, this.capabilities.largestFrame, this.name);
    if (!this.#underWay.push(frame)) return false;
    const connection = this.#connection;
    this.#scheduler.after(millis(this.#delay), () => {
      if (connection !== this.#connection) return;
      const oldest = this.#underWay.shift();
      if (oldest !== undefined) this.#other?.arrive(oldest);
    });
    return true;
  }

  arrive(frame: ChainFrame): void {
    this.#listeners.frame(frame);
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#underWay.room(signal);
  }

  onFrame(listener: (frame: ChainFrame) => void): Stop {
    return this.#listeners.onFrame(listener);
  }

  onConnection(listener: (connected: boolean) => void): Stop {
    return this.#listeners.onConnection(listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.onClose();
    this.#underWay.close();
  }
}
