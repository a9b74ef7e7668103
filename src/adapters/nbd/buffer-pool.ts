/** What a message's header may take beside a payload of a power of two. */
const HEADROOM = 64;
const SMALLEST = 4096;
const LARGEST = 4 * 1024 * 1024;

/** Keeps buffers for the next user, sorted by size: a fresh one of a megabyte costs more than the bytes in it. */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>();
  readonly #most: number;
  #kept = 0;

  /** `most`: bytes that may lie here unused. */
  constructor(most: number) {
    this.#most = most;
  }

  /** At least this long; whatever was in it is still there. */
  take(size: number): Buffer {
    const whole = sizeOf(size);
    const buffer = this.#free.get(whole)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(whole);
    this.#kept -= whole;
    return buffer;
  }

  /** Only what `take` gave, once, and when nobody can write to it any more. */
  give(buffer: Buffer): void {
    const whole = buffer.byteLength;
    if (whole > LARGEST + HEADROOM || this.#kept + whole > this.#most) return;
    const free = this.#free.get(whole);
    if (free === undefined) this.#free.set(whole, [buffer]);
    else free.push(buffer);
    this.#kept += whole;
  }
}

function sizeOf(size: number): number {
  if (size > LARGEST + HEADROOM) return size;
  let whole = SMALLEST;
  while (whole + HEADROOM < size) whole *= 2;
  return whole + HEADROOM;
}
