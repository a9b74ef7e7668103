import { type ByteView, MiB } from '../../base/index.ts';
import { crcOk, damaged, makersFields, type SpdReading } from './spd-facts.ts';

const BLOCK = 128;
const WHOLE = 512;
const MAKERS = { serial: 325, part: 329, partLength: 20 };

/** SPD of DDR4 (JEDEC 21-C annex L release 4): 512 bytes, or their first half. */
export function ddr4Facts(view: ByteView, type: string): SpdReading {
  if (view.length > WHOLE) return damaged(`${view.length} bytes are too many for SPD`);
  const crcErrors: ('base' | 'module')[] = [];
  if (!crcOk(view, 0, BLOCK)) crcErrors.push('base');
  if (!crcOk(view, BLOCK, BLOCK)) crcErrors.push('module');
  const capacity = capacityOf(view);
  const maker = view.length === WHOLE ? makersFields(view, MAKERS) : {};
  return {
    is: 'module',
    facts: { type, crcErrors, ...(capacity === undefined ? {} : { bytes: capacity }), ...maker },
  };
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
