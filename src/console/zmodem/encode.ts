import { concatBytes, crc16Xmodem, crc32, utf8 } from '../../base/index.ts';
import { FRAME, XON, ZBIN, ZBIN32, ZDLE, ZHEX, type ZmodemHeader, ZPAD } from './wire.ts';

export interface Escaping {
  /** CRC-32 instead of CRC-16 in what is binary. */
  readonly crc32: boolean;
  /** Every control character is escaped, for lines that swallow some. */
  readonly controls: boolean;
}

const DLE = 0x10;
const CR = 0x0d;
const AT = 0x40;

/**
 * Ends whatever the other end is at; the backspaces clear the screen of one that is no program. A sender that has heard us twice
 * passes over everything up to a ZPAD.
 */
export const CANCEL: Uint8Array = Uint8Array.from([
  ZPAD,
  ...Array<number>(8).fill(ZDLE),
  ...Array<number>(8).fill(0x08),
]);

/** A header in hexadecimal digits: of which nothing is eaten by any line. */
export function hexHeader({ type, argument }: ZmodemHeader): Uint8Array {
  const body = headerBytes(type, argument);
  const crc = crc16Xmodem(body);
  const digits = [...body, crc >> 8, crc & 0xff].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const tail = type === FRAME.ZFIN || type === FRAME.ZACK ? [] : [XON];
  return concatBytes(Uint8Array.of(ZPAD, ZPAD, ZDLE, ZHEX), utf8(digits), Uint8Array.of(CR, 0x8a, ...tail));
}

/** A header in binary, before subpackets. */
export function binaryHeader({ type, argument }: ZmodemHeader, how: Escaping): Uint8Array {
  const body = headerBytes(type, argument);
  const out = [ZPAD, ZDLE, how.crc32 ? ZBIN32 : ZBIN];
  escapeInto(out, body, how);
  escapeInto(out, checksum(body, how), how);
  return Uint8Array.from(out);
}

/** Content with its end mark and checksum. */
export function subpacket(content: Uint8Array, end: number, how: Escaping): Uint8Array {
  const out: number[] = [];
  escapeInto(out, content, how);
  out.push(ZDLE, end);
  escapeInto(out, checksum(concatBytes(content, Uint8Array.of(end)), how), how);
  return Uint8Array.from(out);
}

function headerBytes(type: number, argument: number): Uint8Array {
  const body = new Uint8Array(5);
  body[0] = type;
  new DataView(body.buffer).setUint32(1, argument, true);
  return body;
}

function checksum(bytes: Uint8Array, how: Escaping): Uint8Array {
  if (!how.crc32) {
    const crc = crc16Xmodem(bytes);
    return Uint8Array.of(crc >> 8, crc & 0xff);
  }
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, crc32(bytes), true);
  return out;
}

function escapeInto(out: number[], bytes: Uint8Array, { controls }: Escaping): void {
  for (const byte of bytes) {
    if (isEscaped(byte, out.at(-1) ?? 0, controls)) out.push(ZDLE, byte ^ 0x40);
    else out.push(byte);
  }
}

/** ZDLE itself, flow control, DLE, and a CR after "@", which some packet networks take for a command. */
function isEscaped(byte: number, before: number, controls: boolean): boolean {
  if (byte === ZDLE) return true;
  const seven = byte & 0x7f;
  if (seven === DLE || seven === 0x11 || seven === 0x13) return true;
  if (seven === CR) return controls || (before & 0x7f) === AT;
  return controls && (byte & 0x60) === 0;
}
