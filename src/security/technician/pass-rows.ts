import { letterOf, letterValue, readLetters, writeLetters } from '../release/base32.ts';
import { checkSymbol } from '../release/check-symbol.ts';
import { LARGEST_PASS } from './console-pass.ts';

/** Letters of a row, without its check letter. */
const ROW = 20;
const GROUP = 5;
/** Before all rows in one, as a QR code has them. */
const MARK = 'NSP1:';
const MOST_ROWS = Math.ceil(((1 + LARGEST_PASS) * 8) / 5 / ROW);

/** A pass as rows of letters and digits that can be typed: each with a letter that finds what was mistyped, or is out of its place. */
export function writePassRows(packed: Uint8Array): readonly string[] {
  const whole = new Uint8Array(1 + packed.byteLength);
  whole[0] = packed.byteLength;
  whole.set(packed, 1);
  const letters = writeLetters(whole);
  const rows: string[] = [];
  for (let at = 0; at < letters.length; at += ROW) {
    const row = letters.slice(at, at + ROW);
    const groups = row.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? [];
    rows.push([...groups, letterOf(checkOf(rows.length, row))].join(' '));
  }
  return rows;
}

/** The same in one, for a QR code. */
export function passLine(rows: readonly string[]): string {
  return MARK + rows.join('').replaceAll(' ', '');
}

export type RowAnswer =
  | { readonly is: 'more' }
  | { readonly is: 'mistyped' }
  | { readonly is: 'whole'; readonly packed: Uint8Array };

/** Takes rows as they are typed. What is mistyped is typed again, and nothing else. */
export class PassRows {
  #letters = '';
  #rows = 0;

  /** Which row is wanted, from 1. */
  get next(): number {
    return this.#rows + 1;
  }

  /** How many there are, as soon as that is known. */
  get total(): number | undefined {
    return this.#rows === 0 ? undefined : Math.ceil(this.#wanted() / ROW);
  }

  take(typed: string): RowAnswer {
    const bare = typed.replaceAll(/[\s-]/g, '').toUpperCase();
    if (bare.startsWith(MARK)) return this.#all(bare.slice(MARK.length));
    const [row, check] = [bare.slice(0, -1), bare.slice(-1)];
    const fits = row.length > 0 && row.length <= ROW && letterValue(check) === checkOf(this.#rows, row);
    if (!fits || (this.#rows > 0 && row.length !== Math.min(ROW, this.#wanted() - this.#letters.length)))
      return { is: 'mistyped' };
    if (this.#rows === 0 && row.length !== ROW) return { is: 'mistyped' };
    this.#letters += row;
    this.#rows += 1;
    if (this.#letters.length < this.#wanted()) return { is: 'more' };
    const packed = readLetters(this.#letters, 1 + this.#bytes());
    return packed === undefined ? { is: 'mistyped' } : { is: 'whole', packed: packed.subarray(1) };
  }

  #all(letters: string): RowAnswer {
    let answer: RowAnswer = { is: 'mistyped' };
    for (let at = 0; at < letters.length && this.#rows < MOST_ROWS; at += ROW + 1) {
      answer = this.take(letters.slice(at, at + ROW + 1));
      if (answer.is === 'mistyped') break;
    }
    if (answer.is === 'whole') return answer;
    this.#letters = '';
    this.#rows = 0;
    return { is: 'mistyped' };
  }

  #bytes(): number {
    return (letterValue(this.#letters[0] ?? '') << 3) | (letterValue(this.#letters[1] ?? '') >> 2);
  }

  /** Letters in all. */
  #wanted(): number {
    return Math.ceil(((1 + this.#bytes()) * 8) / 5);
  }
}

/** -1 where a letter is none. */
function checkOf(row: number, letters: string): number {
  const values = Array.from(letters, letterValue);
  return values.includes(-1) ? -1 : checkSymbol([row & 31, ...values], 5);
}
