import { concatBytes, utf8 } from '../../base/index.ts';

/**
 * A grey picture of blocks of 8 by 8 pixels as a baseline JPEG (ITU-T T.81). Each block has one brightness, so only DC
 * coefficients are coded: enough for a camera that shows a moving light.
 */
export function greyJpeg(
  columns: number,
  rows: number,
  brightness: (column: number, row: number) => number,
): Uint8Array {
  const width = columns * 8;
  const height = rows * 8;
  const quantiser = new Uint8Array(64).fill(8);
  const bits = new BitWriter();
  let previous = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      // The DC coefficient is 8 times the mean of the level-shifted block; the quantiser of 8 takes that away again.
      const dc = Math.max(0, Math.min(255, Math.round(brightness(column, row)))) - 128;
      putDifference(bits, dc - previous);
      bits.put(0, 1); // end of block, the only AC code
      previous = dc;
    }
  }
  return concatBytes(
    Uint8Array.of(0xff, 0xd8),
    segment(0xe0, Uint8Array.of(...utf8('JFIF\0'), 1, 1, 0, 0, 1, 0, 1, 0, 0)),
    segment(0xdb, concatBytes(Uint8Array.of(0), quantiser)),
    segment(0xc0, Uint8Array.of(8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0)),
    segment(0xc4, Uint8Array.of(0x00, ...DC_COUNTS, ...DC_SYMBOLS)),
    segment(0xc4, Uint8Array.of(0x10, 1, ...new Uint8Array(15), 0)),
    segment(0xda, Uint8Array.of(1, 1, 0x00, 0, 63, 0)),
    bits.end(),
    Uint8Array.of(0xff, 0xd9),
  );
}

/** Code lengths of the usual luminance DC table (T.81 table K.3): one of 2 bits, five of 3, one each of 4 to 9. */
const DC_COUNTS = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const DC_SYMBOLS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const DC_CODES = canonicalCodes(DC_COUNTS);

function canonicalCodes(counts: readonly number[]): { code: number; length: number }[] {
  const codes: { code: number; length: number }[] = [];
  let code = 0;
  for (const [i, count] of counts.entries()) {
    for (let k = 0; k < count; k += 1) codes.push({ code: code++, length: i + 1 });
    code <<= 1;
  }
  return codes;
}

function putDifference(bits: BitWriter, difference: number): void {
  const size = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
  const { code, length } = DC_CODES[size]!;
  bits.put(code, length);
  bits.put(difference < 0 ? difference + 2 ** size - 1 : difference, size);
}

function segment(marker: number, body: Uint8Array): Uint8Array {
  const length = body.byteLength + 2;
  return concatBytes(Uint8Array.of(0xff, marker, length >> 8, length & 255), body);
}

class BitWriter {
  readonly #bytes: number[] = [];
  #pending = 0;
  #count = 0;

  put(value: number, length: number): void {
    for (let i = length - 1; i >= 0; i -= 1) {
      this.#pending = (this.#pending << 1) | ((value >> i) & 1);
      this.#count += 1;
      if (this.#count === 8) this.#flush();
    }
  }

  end(): Uint8Array {
    while (this.#count !== 0) this.put(1, 1);
    return Uint8Array.from(this.#bytes);
  }

  #flush(): void {
    this.#bytes.push(this.#pending);
    // A data byte of 0xff is followed by zero, or it would read as a marker.
    if (this.#pending === 0xff) this.#bytes.push(0);
    this.#pending = 0;
    this.#count = 0;
  }
}
