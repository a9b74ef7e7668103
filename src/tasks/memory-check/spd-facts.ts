import { type ByteView, crc16Xmodem, fromUtf8, toHex } from '../../base/index.ts';

/** What the SPD EEPROM of a module says about it. */
export interface SpdFacts {
  readonly type: string;
  /** Blocks whose CRC is wrong. DDR4: 'base' (bytes 0 to 127), 'module' (128 to 255). DDR5: 'configuration' (0 to 511). */
  readonly crcErrors: readonly ('base' | 'module' | 'configuration')[];
  /** Undefined where the fields do not add up. */
  readonly bytes?: number;
  readonly partNumber?: string;
  readonly serial?: string;
}

export type SpdReading =
  | { readonly is: 'module'; readonly facts: SpdFacts }
  /** A module of another kind, by its key byte. */
  | { readonly is: 'other'; readonly type: string }
  | { readonly is: 'damaged'; readonly why: string };

export const damaged = (why: string): SpdReading => ({ is: 'damaged', why });

/** The last two bytes of a block hold the CRC of the others, low byte first. */
export function crcOk(view: ByteView, start: number, length: number): boolean {
  return crc16Xmodem(view.slice(start, length - 2)) === view.u16le(start + length - 2);
}

/** What the maker wrote into a module: absent where it is blank, or no text. */
export function makersFields(
  view: ByteView,
  at: { readonly serial: number; readonly part: number; readonly partLength: number },
): Pick<SpdFacts, 'partNumber' | 'serial'> {
  const text = fromUtf8(view.slice(at.part, at.partLength))?.replace(/\0+$/, '');
  const partNumber = text !== undefined && /^[\x20-\x7e]*$/.test(text) ? text.trim() : '';
  const serial = toHex(view.slice(at.serial, 4));
  return {
    ...(partNumber === '' ? {} : { partNumber }),
    ...(/^(00000000|ffffffff)$/.test(serial) ? {} : { serial }),
  };
}
