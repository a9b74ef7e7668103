import { BoundedQueue, Waiters } from '../../base/index.ts';
import type { ChainFrame } from '../../ports/index.ts';

export interface QueueLimits {
  readonly frames: number;
  readonly bytes: number;
}

/** Frames that wait for the line, and those who wait for room here. One frame fits in any case where none waits. */
export class FrameQueue {
  readonly #limits: QueueLimits;
  readonly #frames: BoundedQueue<ChainFrame>;
  readonly #waiters = new Waiters();
  #bytes = 0;
  #open = false;
  #closed = false;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
    this.#frames = new BoundedQueue(limits.frames);
  }

  push(frame: ChainFrame): boolean {
    const size = frame.bytes.byteLength;
    if (!this.#open || (this.#frames.size > 0 && this.#bytes + size > this.#limits.bytes)) return false;
    if (!this.#frames.push(frame)) return false;
    this.#bytes += size;
    return true;
  }

  shift(): ChainFrame | undefined {
    const frame = this.#frames.shift();
    if (frame === undefined) return undefined;
    this.#bytes -= frame.bytes.byteLength;
    this.#waiters.look();
    return frame;
  }

  /** The frame that goes next, still in the queue. */
  first(): ChainFrame | undefined {
    for (const frame of this.#frames) return frame;
    return undefined;
  }

  /** The link is connected. */
  open(): void {
    this.#open = !this.#closed;
    this.#waiters.look();
  }

  /** The link is not connected: nothing is kept for later. */
  drop(): void {
    this.#open = false;
    this.#frames.removeWhere(() => true);
    this.#bytes = 0;
  }

  /** For good. */
  close(): void {
    this.drop();
    this.#closed = true;
    this.#waiters.look();
  }

  /** Resolves when half of the queue is free on a connected link, or at close; rejects with the signal's reason. */
  room(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(signal, () => this.#closed || this.#hasRoom());
  }

  #hasRoom(): boolean {
    const { frames, bytes } = this.#limits;
    return this.#open && this.#frames.size * 2 <= frames && this.#bytes * 2 <= bytes;
  }
}
