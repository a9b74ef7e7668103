import { NsError } from './errors.ts';

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossyDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** The text, or undefined where the bytes are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** For display only: bytes that are not UTF-8 become replacement characters. */
export const fromUtf8Lossy = (bytes: Uint8Array): string => lossyDecoder.decode(bytes);

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Whole pairs of hexadecimal digits only; anything else is an error. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new NsError('NS_HEX_INVALID', 'not a string of hexadecimal digit pairs', { family: 'caller' });
  }
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

export function isAllZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.byteLength; i += 1) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * A bounded view of fixed-layout bytes. Reads outside the view throw NS_BYTES_SHORT, so a decoder over hostile
 * input needs no check of its own before each field.
 */
export class ByteView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;

  constructor(bytes: Uint8Array, what = 'structure') {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get length(): number {
    return this.bytes.byteLength;
  }

  #check(offset: number, size: number): void {
    if (!(size >= 0)) {
      throw new NsError('NS_BYTES_SHORT', `${this.#what} has no room for a field of ${size} bytes`, {
        family: 'peer',
      });
    }
    if (!(offset >= 0 && offset + size <= this.bytes.byteLength)) {
      throw new NsError('NS_BYTES_SHORT', `${this.#what} ends before byte ${offset + size}`, {
        family: 'peer',
      });
    }
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }
  u16le(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }
  u32le(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }
  u16be(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, false);
  }
  u32be(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, false);
  }
  u64le(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }
  u64be(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, false);
  }

  /** A 64-bit field as a number; NS_NUMBER_TOO_LARGE past 2^53-1. */
  u64leNumber(offset: number): number {
    const value = this.u64le(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new NsError('NS_NUMBER_TOO_LARGE', `${this.#what} holds a number past 2^53-1 at byte ${offset}`, {
        family: 'peer',
      });
    }
    return Number(value);
  }

  slice(offset: number, size: number): Uint8Array {
    this.#check(offset, size);
    return this.bytes.subarray(offset, offset + size);
  }

  /** Bytes up to the first NUL, read as Latin-1. */
  ascii(offset: number, size: number): string {
    const field = this.slice(offset, size);
    const end = field.indexOf(0);
    return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('latin1');
  }
}
