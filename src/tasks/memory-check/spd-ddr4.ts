import { ByteView, crc16Xmodem, fromUtf8, MiB, toHex } from '../../base/index.ts';

/** What the SPD EEPROM of a module says about it. */
export interface SpdFacts {
  readonly type: string;
  /** Blocks whose CRC is wrong: 'base' (bytes 0 to 127) or 'module' (128 to 255). */
  readonly crcErrors: readonly ('base' | 'module')[];
  /** Undefined where the fields do not add up. */
  readonly bytes?: number;
  readonly partNumber?: string;
  readonly serial?: string;
}

export type SpdReading =
  | { readonly is: 'ddr4'; readonly facts: SpdFacts }
  /** A module of another kind, by its key byte. */
  | { readonly is: 'other'; readonly type: string }
  | { readonly is: 'damaged'; readonly why: string };

/** Key byte 2 of SPD (JEDEC 21-C annex L, table of DRAM device types). */
const TYPES: Readonly<Record<number, string>> = {
  7: 'DDR SDRAM',
  8: 'DDR2 SDRAM',
  11: 'DDR3 SDRAM',
  12: 'DDR4 SDRAM',
  14: 'DDR4E SDRAM',
  15: 'LPDDR3 SDRAM',
  16: 'LPDDR4 SDRAM',
  18: 'DDR5 SDRAM',
};

/** Bytes used, as byte 0 tells them. */
const SMALLEST = 256;
const WHOLE = 512;

/** Decodes SPD of DDR4 (JEDEC 21-C annex L release 4): CRCs, capacity, part number and serial. */
export function decodeSpd(bytes: Uint8Array): SpdReading {
  if (bytes.byteLength < SMALLEST)
    return { is: 'damaged', why: `${bytes.byteLength} bytes are too few for SPD` };
  if (bytes.byteLength > WHOLE)
    return { is: 'damaged', why: `${bytes.byteLength} bytes are too many for SPD` };
  const view = new ByteView(bytes, 'SPD');
  const key = view.u8(2);
  if (key !== 0x0c && key !== 0x0e) {
    const type = TYPES[key];
    if (type !== undefined) return { is: 'other', type };
    return { is: 'damaged', why: `0x${key.toString(16).padStart(2, '0')} is no known type of memory` };
  }
  const crcErrors: ('base' | 'module')[] = [];
  if (!crcOk(view, 0)) crcErrors.push('base');
  if (!crcOk(view, 128)) crcErrors.push('module');
  const capacity = capacityOf(view);
  const maker = bytes.byteLength === WHOLE ? makersFields(view) : {};
  return {
    is: 'ddr4',
    facts: { type: TYPES[key]!, crcErrors, ...(capacity === undefined ? {} : { bytes: capacity }), ...maker },
  };
}

/** The last two bytes of a block of 128 hold the CRC of the others, low byte first (clause 8.1.54). */
function crcOk(view: ByteView, block: number): boolean {
  return crc16Xmodem(view.slice(block, 126)) === view.u16le(block + 126);
}

/** Mb of a device, by the low half of byte 4. */
const DENSITY = [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 12_288, 24_576];

/** Device capacity / 8 × bus width / device width × logical ranks (clause 8.1.13). */
function capacityOf(view: ByteView): number | undefined {
  const megabits = DENSITY[view.u8(4) & 0x0f];
  const width = view.u8(12) & 0x07;
  const bus = view.u8(13) & 0x07;
  if (megabits === undefined || width > 3 || bus > 3) return undefined;
  const packageRanks = ((view.u8(12) >> 3) & 0x07) + 1;
  const pack = view.u8(6);
  // Only in a 3DS stack is each die a rank of its own.
  const dies = (pack & 0x03) === 2 ? ((pack >> 4) & 0x07) + 1 : 1;
  return (megabits / 8) * MiB * ((8 << bus) / (4 << width)) * packageRanks * dies;
}

function makersFields(view: ByteView): { partNumber?: string; serial?: string } {
  const text = fromUtf8(view.slice(329, 20));
  const partNumber = text !== undefined && /^[\x20-\x7e]*$/.test(text) ? text.trim() : '';
  const serial = toHex(view.slice(325, 4));
  return {
    ...(partNumber === '' ? {} : { partNumber }),
    ...(/^(00000000|ffffffff)$/.test(serial) ? {} : { serial }),
  };
}
