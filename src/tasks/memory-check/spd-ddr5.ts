import { type ByteView, MiB } from '../../base/index.ts';
import { crcOk, damaged, makersFields, type SpdReading } from './spd-facts.ts';

const CONFIGURATION = 512;
const WHOLE = 1024;
const MAKERS = { serial: 517, part: 521, partLength: 30 };
const MODULE_ORGANISATION = 234;
const BUS_WIDTH = 235;

/** SPD of DDR5 (JESD400-5): 1024 bytes, or the half under its CRC. */
export function ddr5Facts(view: ByteView, type: string): SpdReading {
  if (view.length < CONFIGURATION) return damaged(`${view.length} bytes are too few for SPD of ${type}`);
  if (view.length > WHOLE) return damaged(`${view.length} bytes are too many for SPD`);
  const capacity = capacityOf(view);
  const maker = view.length === WHOLE ? makersFields(view, MAKERS) : {};
  return {
    is: 'module',
    facts: {
      type,
      crcErrors: crcOk(view, 0, CONFIGURATION) ? [] : ['configuration'],
      ...(capacity === undefined ? {} : { bytes: capacity }),
      ...maker,
    },
  };
}

/** Mb of a die, and dies in a package, by byte 4. Two dies that are no stack: whether each is a rank is not told. */
const DENSITY: Readonly<Record<number, number>> = {
  1: 4096,
  2: 8192,
  3: 12_288,
  4: 16_384,
  5: 24_576,
  6: 32_768,
  7: 49_152,
  8: 65_536,
};
const DIES: Readonly<Record<number, number>> = { 0: 1, 2: 2, 3: 4, 4: 8, 5: 16 };

/** Sub-channels × bus width / device width × dies × density / 8 × package ranks. Undefined for ranks that differ. */
function capacityOf(view: ByteView): number | undefined {
  const megabits = DENSITY[view.u8(4) & 0x1f];
  const dies = DIES[view.u8(4) >> 5];
  const width = view.u8(6) >> 5;
  const organisation = view.u8(MODULE_ORGANISATION);
  const bus = view.u8(BUS_WIDTH) & 0x07;
  const subChannels = view.u8(BUS_WIDTH) >> 5;
  if (megabits === undefined || dies === undefined || width > 3 || bus > 3 || subChannels > 3)
    return undefined;
  if ((organisation & 0x40) !== 0) return undefined;
  const ranks = ((organisation >> 3) & 0x07) + 1;
  return 2 ** subChannels * ((8 << bus) / (4 << width)) * dies * (megabits / 8) * MiB * ranks;
}
