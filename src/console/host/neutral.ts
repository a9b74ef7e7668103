const ESC = 0x1b;
const BELL = 0x07;
/** A sequence that does not end before is none. */
const LONGEST = 256;
const TAB = 8;

/** Where the bytes of a control sequence stand (ECMA-48). */
type State = 'text' | 'escape' | 'csi' | 'string' | 'string-escape';

/**
 * What a host says, as text that moves no cursor and asks the terminal nothing: line ends stay, colours and cursor movements go,
 * other control characters are spelt ^X. Bytes above 127 are read as UTF-8; in 7 bits each letter of them is a "?".
 */
export class Neutral {
  readonly #bits: 7 | 8;
  readonly #decoder = new TextDecoder('utf-8');
  #state: State = 'text';
  #length = 0;
  #column = 0;
  #afterCr = false;

  constructor(bits: 7 | 8 = 7) {
    this.#bits = bits;
  }

  take(bytes: Uint8Array): string {
    let out = '';
    for (const letter of this.#decoder.decode(bytes, { stream: true })) out += this.#letter(letter);
    return out;
  }

  #letter(letter: string): string {
    const code = letter.codePointAt(0) ?? 0;
    if (this.#state !== 'text') {
      this.#length += 1;
      this.#state = this.#length > LONGEST ? 'text' : after(this.#state, code);
      // A line end is never part of one: a sequence that was cut off does not take the next line with it.
      if (code !== 0x0a && code !== 0x0d) return '';
      this.#state = 'text';
    }
    const afterCr = this.#afterCr;
    this.#afterCr = code === 0x0d;
    if (code === ESC) {
      this.#state = 'escape';
      this.#length = 0;
      return '';
    }
    if (code === 0x0d || code === 0x0a) {
      this.#column = 0;
      return code === 0x0a && afterCr ? '' : '\r\n';
    }
    if (code === 0x09) return this.#put(' '.repeat(TAB - (this.#column % TAB)));
    if (code < 0x20) return this.#put(`^${String.fromCharCode(code + 0x40)}`);
    if (code === 0x7f) return this.#put('^?');
    if (code < 0x7f) return this.#put(letter);
    const shown = this.#bits === 8 && /^[\p{L}\p{N}\p{P}\p{S}\p{Zs}]$/u.test(letter);
    return this.#put(shown && code !== 0xfffd ? letter : '?');
  }

  #put(text: string): string {
    this.#column += text.length;
    return text;
  }
}

function after(state: Exclude<State, 'text'>, code: number): State {
  switch (state) {
    case 'escape':
      if (code === 0x5b) return 'csi';
      // OSC, DCS, SOS, PM, APC: strings that BEL or ESC \ ends.
      if (code === 0x5d || code === 0x50 || code === 0x58 || code === 0x5e || code === 0x5f) return 'string';
      return code >= 0x20 && code <= 0x2f ? 'escape' : 'text';
    case 'csi':
      return code >= 0x40 && code <= 0x7e ? 'text' : 'csi';
    case 'string':
      if (code === BELL) return 'text';
      return code === ESC ? 'string-escape' : 'string';
    case 'string-escape':
      return code === 0x5c ? 'text' : 'string';
  }
}
