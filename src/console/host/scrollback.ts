const LF = 0x0a;

/** The last bytes of a stream, by their place in it; older ones go. */
export class Scrollback {
  readonly #ring: Uint8Array;
  #end = 0;

  /** `capacity`: bytes. */
  constructor(capacity: number) {
    this.#ring = new Uint8Array(capacity);
  }

  /** Place behind the newest byte: how many there have been. */
  get end(): number {
    return this.#end;
  }

  /** Place of the oldest byte that is held. */
  get start(): number {
    return Math.max(0, this.#end - this.#ring.byteLength);
  }

  /** Where something older was lost, the place of the first whole line, if there is one. */
  get firstLine(): number {
    if (this.start === 0) return 0;
    for (let place = this.start; place < this.#end; place += 1)
      if (this.#ring[place % this.#ring.byteLength] === LF) return place + 1;
    return this.start;
  }

  push(bytes: Uint8Array): void {
    const size = this.#ring.byteLength;
    const kept = bytes.subarray(Math.max(0, bytes.byteLength - size));
    const at = (this.#end + bytes.byteLength - kept.byteLength) % size;
    const first = Math.min(kept.byteLength, size - at);
    this.#ring.set(kept.subarray(0, first), at);
    this.#ring.set(kept.subarray(first), 0);
    this.#end += bytes.byteLength;
  }

  /** Bytes from this place on, at most so many; none where they are gone or not there yet. */
  from(place: number, most: number): Uint8Array {
    const length = place < this.start ? 0 : Math.max(0, Math.min(most, this.#end - place));
    const size = this.#ring.byteLength;
    const at = place % size;
    const out = new Uint8Array(length);
    const first = Math.min(length, size - at);
    out.set(this.#ring.subarray(at, at + first));
    out.set(this.#ring.subarray(0, length - first), first);
    return out;
  }
}
