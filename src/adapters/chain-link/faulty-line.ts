import type { Entropy, Stop } from '../../ports/index.ts';
import type { ByteLine } from './byte-line.ts';

/** What happens to the bytes written at this end; each a probability of a written piece, 0 to 1. */
export interface LineFaults {
  /** One bit is turned. */
  readonly flip?: number;
  /** The rest of the piece is lost. */
  readonly truncate?: number;
  /** The piece is lost. */
  readonly drop?: number;
  /** The piece comes twice. */
  readonly double?: number;
  /** The piece comes after the one that follows it. */
  readonly swap?: number;
  /** Bytes that nobody wrote come before it. */
  readonly noise?: number;
}

const MOST_NOISE = 300;

/** A line that damages what is written to it, and that can be cut without hanging up, as one without carrier. */
export class FaultyLine implements ByteLine {
  readonly name: string;
  /** Nothing passes, either way. */
  cut = false;
  readonly #inner: ByteLine;
  readonly #entropy: Entropy;
  readonly #faults: LineFaults;
  #kept: Uint8Array | undefined;

  constructor(inner: ByteLine, entropy: Entropy, faults: LineFaults) {
    this.name = inner.name;
    this.#inner = inner;
    this.#entropy = entropy;
    this.#faults = faults;
  }

  write(bytes: Uint8Array): boolean {
    if (this.cut) return true;
    const { noise, drop, swap, double } = this.#faults;
    if (this.#happens(noise)) {
      this.#inner.write(this.#entropy.randomBytes(Math.ceil(this.#entropy.fraction() * MOST_NOISE)));
    }
    if (this.#happens(drop)) return true;
    const piece = this.#damaged(bytes);
    if (this.#kept === undefined && this.#happens(swap)) {
      this.#kept = piece;
      return true;
    }
    const took = this.#inner.write(piece);
    if (took && this.#happens(double)) this.#inner.write(piece);
    if (took && this.#kept !== undefined) {
      this.#inner.write(this.#kept);
      this.#kept = undefined;
    }
    return took;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#inner.room(signal);
  }

  onData(listener: (bytes: Uint8Array) => void): Stop {
    return this.#inner.onData((bytes) => {
      if (!this.cut) listener(bytes);
    });
  }

  onHangUp(listener: (reason: string) => void): Stop {
    return this.#inner.onHangUp(listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #happens(probability = 0): boolean {
    return probability > 0 && this.#entropy.fraction() < probability;
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    const { flip, truncate } = this.#faults;
    const within = (count: number): number => Math.floor(this.#entropy.fraction() * count);
    if (this.#happens(truncate)) return bytes.subarray(0, within(bytes.length));
    if (!this.#happens(flip)) return bytes;
    const copy = bytes.slice();
    copy[within(copy.length)]! ^= 1 << within(8);
    return copy;
  }
}
