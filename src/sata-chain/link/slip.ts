/**
 * Packets in a stream of bytes, by the octets of RFC 1055: END closes a packet and may stand before one too, so that
 * noise on an idle line becomes a packet of its own.
 */
const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;

/** The packet between two ENDs. */
export function slipEncode(packet: Uint8Array): Uint8Array {
  let special = 0;
  for (let i = 0; i < packet.length; i += 1) {
    const byte = packet[i]!;
    if (byte === END || byte === ESC) special += 1;
  }
  const out = new Uint8Array(packet.length + special + 2);
  out[0] = END;
  let at = 1;
  if (special === 0) {
    out.set(packet, at);
    at += packet.length;
  } else {
    for (let i = 0; i < packet.length; i += 1) {
      const byte = packet[i]!;
      if (byte === END || byte === ESC) {
        out[at++] = ESC;
        out[at++] = byte === END ? ESC_END : ESC_ESC;
      } else out[at++] = byte;
    }
  }
  out[at] = END;
  return out;
}

/**
 * Finds packets in chunks of any size. What is longer than the limit or badly escaped is passed over up to the next
 * END; memory never exceeds the limit.
 */
export class SlipDecoder {
  readonly #packet: Uint8Array;
  readonly #found: (packet: Uint8Array) => void;
  #length = 0;
  #escaped = false;
  #skipping = false;
  #passedOver = 0;

  /** `found` gets each packet as a copy of its own; empty ones are not packets. */
  constructor(largest: number, found: (packet: Uint8Array) => void) {
    this.#packet = new Uint8Array(largest);
    this.#found = found;
  }

  /** Packets passed over since the start. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** Forgets a packet that has begun: the line was opened anew. */
  reset(): void {
    this.#length = 0;
    this.#escaped = false;
    this.#skipping = false;
  }

  feed(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length; i += 1) {
      const byte = chunk[i]!;
      if (byte === END) this.#end();
      else if (this.#skipping) continue;
      else if (this.#escaped) {
        this.#escaped = false;
        if (byte === ESC_END) this.#put(END);
        else if (byte === ESC_ESC) this.#put(ESC);
        else this.#skip();
      } else if (byte === ESC) this.#escaped = true;
      else this.#put(byte);
    }
  }

  #put(byte: number): void {
    if (this.#length === this.#packet.length) this.#skip();
    else this.#packet[this.#length++] = byte;
  }

  #skip(): void {
    this.#skipping = true;
    this.#passedOver += 1;
  }

  #end(): void {
    const whole = !this.#skipping && !this.#escaped;
    if (this.#escaped) this.#passedOver += 1;
    const length = this.#length;
    this.reset();
    if (whole && length > 0) this.#found(this.#packet.slice(0, length));
  }
}
