const LONGEST_LENGTH_FIELD = 4;

/**
 * Watches the bytes of an MQTT stream for a packet longer than the limit, by its fixed header alone (MQTT 5 §2.1.4),
 * before a parser would collect it in memory.
 */
export class PacketGuard {
  readonly #limit: number;
  /** Bytes of the present packet's body still to come. */
  #body = 0;
  /** Bytes of the length field seen, or -1 before a packet's first byte. */
  #lengthBytes = -1;
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False from the first byte on that makes the stream unacceptable. */
  accepts(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#body > 0) {
        const step = Math.min(this.#body, chunk.byteLength - at);
        this.#body -= step;
        at += step;
      } else {
        if (!this.#header(chunk[at]!)) return false;
        at += 1;
      }
    }
    return true;
  }

  #header(byte: number): boolean {
    if (this.#lengthBytes < 0) {
      this.#lengthBytes = 0;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    if (this.#length > this.#limit) return false;
    if ((byte & 0x80) !== 0) return this.#lengthBytes < LONGEST_LENGTH_FIELD;
    this.#body = this.#length;
    this.#lengthBytes = -1;
    return true;
  }
}
