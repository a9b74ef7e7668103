/** Crockford's alphabet: without I, L, O and U. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** How these are read where somebody has typed them nevertheless. */
const TAKEN_FOR: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1' };

export function letterOf(value: number): string {
  return LETTERS[value & 31]!;
}

/** 0 to 31; -1 for what is none of the letters. */
export function letterValue(letter: string): number {
  const upper = letter.toUpperCase();
  return LETTERS.indexOf(TAKEN_FOR[upper] ?? upper);
}

/** Five bits a letter, the first bits first; what is missing at the end is zero. */
export function writeLetters(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += letterOf(held >> (bits - 5));
  }
  return bits === 0 ? text : text + letterOf(held << (5 - bits));
}

/** Exactly so many bytes, or undefined: other letters, too few or too many, or bits at the end that are not zero. */
export function readLetters(text: string, byteCount: number): Uint8Array | undefined {
  if (text.length !== Math.ceil((byteCount * 8) / 5)) return undefined;
  const bytes = new Uint8Array(byteCount);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    const value = letterValue(letter);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at] = (held >> bits) & 0xff;
    at += 1;
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
