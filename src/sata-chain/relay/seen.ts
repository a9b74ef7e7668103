import { fromHex, toHex } from '../../base/index.ts';

const ID_BYTES = 16;

/** The ids of envelopes that need no second look; the oldest is forgotten where there are too many. */
export class Seen {
  readonly #ids = new Set<string>();
  readonly #most: number;

  constructor(most: number, document: Uint8Array = new Uint8Array(0)) {
    this.#most = most;
    for (let at = 0; at + ID_BYTES <= document.length; at += ID_BYTES) {
      this.add(toHex(document.subarray(at, at + ID_BYTES)));
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.delete(id);
    this.#ids.add(id);
    if (this.#ids.size <= this.#most) return;
    const oldest = this.#ids.values().next();
    if (!oldest.done) this.#ids.delete(oldest.value);
  }

  /** The ids one after the other, the oldest first. */
  document(): Uint8Array {
    return fromHex([...this.#ids].join(''));
  }
}
