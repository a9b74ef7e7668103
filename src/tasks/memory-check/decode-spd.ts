import { ByteView } from '../../base/index.ts';
import { ddr4Facts } from './spd-ddr4.ts';
import { ddr5Facts } from './spd-ddr5.ts';
import { damaged, type SpdReading } from './spd-facts.ts';

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

const SMALLEST = 256;

/** Decodes SPD of DDR4 (JEDEC 21-C annex L release 4) and DDR5 (JESD400-5): CRCs, capacity, part number and serial. */
export function decodeSpd(bytes: Uint8Array): SpdReading {
  if (bytes.byteLength < SMALLEST) return damaged(`${bytes.byteLength} bytes are too few for SPD`);
  const view = new ByteView(bytes, 'SPD');
  const key = view.u8(2);
  const type = TYPES[key];
  if (type === undefined) return damaged(`0x${key.toString(16).padStart(2, '0')} is no known type of memory`);
  switch (key) {
    case 12:
    case 14:
      return ddr4Facts(view, type);
    case 18:
      return ddr5Facts(view, type);
    default:
      return { is: 'other', type };
  }
}
