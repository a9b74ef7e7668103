import { crc16Xmodem, MiB, utf8 } from '../../base/index.ts';

/** The least that DDR4's SPD can name with a 64 bit bus: two 256 Mb devices of 32 bits. */
const SMALLEST = 64 * MiB;

/**
 * The SPD EEPROM of a DDR4 module (JEDEC 21-C annex L): base block and module block with their CRCs, manufacturer,
 * serial and part number. Modules below 64 MiB cannot be named; they say 64 MiB.
 */
export function makeSpd({ slot, size }: { readonly slot: string; readonly size: number }): Uint8Array {
  const spd = new Uint8Array(512);
  const wanted = Math.max(size, SMALLEST);
  // Density code c is 256 Mb << c on each device; width code w is 4 << w bits; one rank on a bus of 64 bits.
  const shape = [3, 2, 1, 0]
    .flatMap((width) => Array.from({ length: 8 }, (_, density) => ({ width, density })))
    .find(({ width, density }) => 32 * MiB * 2 ** density * (64 / (4 << width)) >= wanted)!;
  spd.set([0x23, 0x12, 0x0c, 0x02, shape.density]);
  spd[12] = shape.width;
  spd[13] = 0x03;
  putCrc(spd, 0);
  putCrc(spd, 128);
  spd.set([0x80, 0x2c, 0x01, 0x26, 0x30], 320);
  spd.set(serialOf(slot), 325);
  spd.set(utf8(`NS-SIM-${slot}`.padEnd(20).slice(0, 20)), 329);
  return spd;
}

/** CRC of the first 126 bytes of a block of 128, low byte first, in its last two. */
function putCrc(spd: Uint8Array, block: number): void {
  const crc = crc16Xmodem(spd.subarray(block, block + 126));
  spd[block + 126] = crc & 0xff;
  spd[block + 127] = crc >> 8;
}

function serialOf(slot: string): Uint8Array {
  const crc = crc16Xmodem(utf8(slot));
  return Uint8Array.of(0x4e, 0x53, crc >> 8, crc & 0xff);
}
