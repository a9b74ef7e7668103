import { crc16Xmodem, crc32 } from '../../base/index.ts';
import {
  CANS_TO_CANCEL,
  END,
  FRAME,
  LONGEST_SUBPACKET,
  XOFF,
  XON,
  ZBIN,
  ZBIN32,
  ZDLE,
  ZHEX,
  type ZmodemHeader,
  ZPAD,
  ZRUB0,
  ZRUB1,
} from './wire.ts';

export type ZmodemEvent =
  | ({ readonly is: 'header' } & ZmodemHeader)
  | { readonly is: 'data'; readonly content: Uint8Array; readonly end: number }
  /** Something was hit on its way; the rest of its frame is passed over. */
  | { readonly is: 'damaged' }
  /** The other end gave up. */
  | { readonly is: 'cancelled' };

type State =
  | { readonly at: 'hunting'; readonly pads: number; readonly escaped: boolean }
  | { readonly at: 'hex'; readonly digits: number[] }
  | { readonly at: 'binary'; readonly crcBytes: 2 | 4; readonly bytes: number[] }
  /** `lineEnd`: what ends the line of a header in hexadecimal digits may still come. */
  | { readonly at: 'data'; readonly crcBytes: 2 | 4; lineEnd: boolean; length: number }
  | {
      readonly at: 'data-crc';
      readonly crcBytes: 2 | 4;
      readonly end: number;
      readonly length: number;
      readonly crc: number[];
    };

const HUNTING: State = { at: 'hunting', pads: 0, escaped: false };
const HEX_DIGITS = 14;
const CR = 0x0d;
const LF = 0x0a;
/** After these headers come subpackets. */
const WITH_DATA = new Set<number>([FRAME.ZSINIT, FRAME.ZFILE, FRAME.ZDATA, FRAME.ZCOMMAND]);

/** Bytes from a line in, headers and subpackets out. What is none of these is passed over, however much of it comes. */
export class ZmodemParser {
  readonly #content = new Uint8Array(LONGEST_SUBPACKET + 1);
  #state: State = HUNTING;
  #cans = 0;
  #escape = false;

  /** What ends with this byte, if anything does. */
  push(byte: number): ZmodemEvent | undefined {
    this.#cans = byte === ZDLE ? this.#cans + 1 : 0;
    if (this.#cans >= CANS_TO_CANCEL) {
      this.#restart();
      return { is: 'cancelled' };
    }
    // Flow control that somebody on the way has put in.
    if ((byte & 0x7f) === XON || (byte & 0x7f) === XOFF) return undefined;
    switch (this.#state.at) {
      case 'hunting':
        this.#state = hunt(this.#state, byte);
        return undefined;
      case 'hex':
        return this.#hex(this.#state, byte & 0x7f);
      case 'data':
        if (this.#state.lineEnd && ((byte & 0x7f) === CR || (byte & 0x7f) === LF)) return undefined;
        this.#state.lineEnd = false;
        return this.#escaped(this.#state, byte);
      default:
        return this.#escaped(this.#state, byte);
    }
  }

  #restart(): void {
    this.#state = HUNTING;
    this.#escape = false;
    this.#cans = 0;
  }

  #damaged(): ZmodemEvent {
    this.#restart();
    return { is: 'damaged' };
  }

  #hex(state: Extract<State, { at: 'hex' }>, byte: number): ZmodemEvent | undefined {
    const digit = Number.parseInt(String.fromCharCode(byte), 16);
    if (Number.isNaN(digit)) return this.#damaged();
    state.digits.push(digit);
    if (state.digits.length < HEX_DIGITS) return undefined;
    const bytes = Array.from(
      { length: HEX_DIGITS / 2 },
      (_, i) => state.digits[2 * i]! * 16 + state.digits[2 * i + 1]!,
    );
    return this.#header(bytes, 2, true);
  }

  #escaped(state: Exclude<State, { at: 'hunting' | 'hex' }>, byte: number): ZmodemEvent | undefined {
    if (!this.#escape) {
      if (byte === ZDLE) this.#escape = true;
      else return this.#take(state, byte);
      return undefined;
    }
    // A run of CAN is counted above; another one alone is noise.
    if (byte === ZDLE) return undefined;
    this.#escape = false;
    if (byte === ZRUB0) return this.#take(state, 0x7f);
    if (byte === ZRUB1) return this.#take(state, 0xff);
    if (state.at === 'data' && byte >= END.ZCRCE && byte <= END.ZCRCW) {
      this.#state = { at: 'data-crc', crcBytes: state.crcBytes, end: byte, length: state.length, crc: [] };
      return undefined;
    }
    return (byte & 0x60) === 0x40 ? this.#take(state, byte ^ 0x40) : this.#damaged();
  }

  #take(state: Exclude<State, { at: 'hunting' | 'hex' }>, byte: number): ZmodemEvent | undefined {
    switch (state.at) {
      case 'binary':
        state.bytes.push(byte);
        return state.bytes.length < 5 + state.crcBytes
          ? undefined
          : this.#header(state.bytes, state.crcBytes);
      case 'data':
        if (state.length === LONGEST_SUBPACKET) return this.#damaged();
        this.#content[state.length] = byte;
        state.length += 1;
        return undefined;
      case 'data-crc':
        state.crc.push(byte);
        return state.crc.length < state.crcBytes ? undefined : this.#subpacket(state);
    }
  }

  #header(bytes: readonly number[], crcBytes: 2 | 4, lineEnd = false): ZmodemEvent {
    const body = Uint8Array.from(bytes.slice(0, 5));
    if (!matches(body, bytes.slice(5), crcBytes)) return this.#damaged();
    this.#restart();
    const type = body[0]!;
    if (WITH_DATA.has(type)) this.#state = { at: 'data', crcBytes, lineEnd, length: 0 };
    return { is: 'header', type, argument: new DataView(body.buffer).getUint32(1, true) };
  }

  #subpacket({ crcBytes, end, length, crc }: Extract<State, { at: 'data-crc' }>): ZmodemEvent {
    this.#content[length] = end;
    if (!matches(this.#content.subarray(0, length + 1), crc, crcBytes)) return this.#damaged();
    this.#restart();
    if (end === END.ZCRCG || end === END.ZCRCQ)
      this.#state = { at: 'data', crcBytes, lineEnd: false, length: 0 };
    return { is: 'data', content: this.#content.slice(0, length), end };
  }
}

function hunt({ pads, escaped }: Extract<State, { at: 'hunting' }>, byte: number): State {
  if (escaped) {
    if (byte === ZHEX) return { at: 'hex', digits: [] };
    if (byte === ZBIN) return { at: 'binary', crcBytes: 2, bytes: [] };
    if (byte === ZBIN32) return { at: 'binary', crcBytes: 4, bytes: [] };
    return byte === ZPAD ? { at: 'hunting', pads: 1, escaped: false } : HUNTING;
  }
  if (byte === ZPAD) return { at: 'hunting', pads: pads + 1, escaped: false };
  return byte === ZDLE && pads > 0 ? { at: 'hunting', pads, escaped: true } : HUNTING;
}

function matches(body: Uint8Array, crc: readonly number[], crcBytes: 2 | 4): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = crc;
  return crcBytes === 2
    ? crc16Xmodem(body) === a * 256 + b
    : crc32(body) === (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}
