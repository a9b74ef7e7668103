export type NamedKey = 'up' | 'down' | 'left' | 'right' | 'home' | 'end' | 'delete';

const ESC = 0x1b;
const LONGEST = 8;
/** After "ESC [" or "ESC O", with the parameters (ECMA-48; xterm, VT220). */
const KEYS: Readonly<Record<string, NamedKey>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  '1~': 'home',
  '7~': 'home',
  '4~': 'end',
  '8~': 'end',
  '3~': 'delete',
};

/** The sequence that a terminal sends for a key: ESC and one letter, or ESC [ and ESC O with what follows, up to a letter or "~". */
export class EscapeSequence {
  #seen: number[] = [];

  /** Whether what comes next belongs to a sequence. */
  get open(): boolean {
    return this.#seen.length > 0;
  }

  clear(): void {
    this.#seen = [];
  }

  /** The key, once its sequence is whole. Keys that have no name here are passed over. */
  push(byte: number): NamedKey | undefined {
    if (byte === ESC) {
      this.#seen = [byte];
      return undefined;
    }
    const inside = this.#seen.length > 1;
    if (!inside) {
      this.#seen = byte === 0x5b || byte === 0x4f ? [ESC, byte] : [];
      return undefined;
    }
    const isLast = byte >= 0x40 && byte <= 0x7e;
    // A sequence that is too long to be a key is passed over to its end.
    if (this.#seen.length < LONGEST) this.#seen.push(byte);
    if (!isLast) return undefined;
    const key = String.fromCharCode(...this.#seen.slice(2));
    this.clear();
    return Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  }
}
