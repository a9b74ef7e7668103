import { concatBytes } from '../../base/index.ts';
import type { SegmentData } from './segment.ts';

/** Segments behind the awaited one that are kept, and as many may be under way. */
export const WINDOW = 32;

/** Puts segments in order and together to messages. Holds at most a window of segments and one message. */
export class OrderedReceiver {
  readonly #largest: number;
  readonly #early = new Map<number, SegmentData>();
  #parts: Uint8Array[] = [];
  #size = 0;
  #next = 0;

  constructor(largestMessage: number) {
    this.#largest = largestMessage;
  }

  /** The segment that is awaited. */
  get next(): number {
    return this.#next;
  }

  /** Bit i: the segment i + 1 behind the awaited one is here. */
  get here(): number {
    let bits = 0;
    for (const sequence of this.#early.keys()) bits |= 1 << (sequence - this.#next - 1);
    return bits >>> 0;
  }

  get gap(): boolean {
    return this.#early.size > 0;
  }

  /** Keeps a segment that lies within the window and is not here yet. */
  put(segment: SegmentData): void {
    const ahead = segment.sequence - this.#next;
    if (ahead >= 0 && ahead <= WINDOW) this.#early.set(segment.sequence, segment);
  }

  /** The next whole message, or undefined where it is not here; 'too-large' where the other end breaks the bound. */
  take(): Uint8Array | 'too-large' | undefined {
    for (let part = this.#early.get(this.#next); part !== undefined; part = this.#early.get(this.#next)) {
      this.#early.delete(this.#next);
      this.#next += 1;
      this.#size += part.bytes.length;
      // Without a byte in each part there would be no bound to their number.
      const isNothing = part.bytes.length === 0 && !part.last;
      if (isNothing || this.#size > this.#largest) return 'too-large';
      this.#parts.push(part.bytes);
      if (!part.last) continue;
      const message = this.#parts.length === 1 ? part.bytes : concatBytes(...this.#parts);
      this.#parts = [];
      this.#size = 0;
      return message;
    }
    return undefined;
  }
}
