/**
 * ATA PASS-THROUGH (16) command descriptor blocks (SAT-3, clause 12.2.2) for the commands that drive passwords need. There are no others
 * here: none that erases (F3h, F4h), and none that freezes (F5h).
 */
export const ATA = { identify: 0xec, setPassword: 0xf1, unlock: 0xf2, disablePassword: 0xf6 } as const;
export type AtaCommand = keyof typeof ATA;

export const ATA_BLOCK = 512;

const PIO_IN = 4 << 1;
const PIO_OUT = 5 << 1;
/** The drive's registers come back as sense data, whatever came of the command. */
const CK_COND = 1 << 5;
const FROM_DRIVE = 1 << 3;
/** The length stands in the sector count, in blocks of 512 bytes. */
const BLOCKS_IN_COUNT = (1 << 2) | 2;

export function passThrough(command: AtaCommand): readonly number[] {
  const reads = command === 'identify';
  const cdb = new Array<number>(16).fill(0);
  cdb[0] = 0x85;
  cdb[1] = reads ? PIO_IN : PIO_OUT;
  cdb[2] = (reads ? FROM_DRIVE : CK_COND) | BLOCKS_IN_COUNT;
  cdb[6] = 1;
  cdb[14] = ATA[command];
  return cdb;
}

/** More than any drive's answer to Level 0 Discovery has. */
export const DISCOVERY_BYTES = 2048;

/** SECURITY PROTOCOL IN (SPC-4, clause 6.40): protocol 01h, the TCG's, and in it ComID 0001h, Level 0 Discovery; the length in blocks. */
export function levelZeroDiscovery(): readonly number[] {
  return [0xa2, 0x01, 0x00, 0x01, 0x80, 0, 0, 0, 0, DISCOVERY_BYTES / ATA_BLOCK, 0, 0];
}

const MAXIMUM = 1 << 8;

/**
 * The block that goes with a password: word 0 says whose it is (bit 0: 0 for the user's) and, to set it, the level (bit 8: maximum); words 1
 * to 16 are the password, of 32 bytes.
 */
export function passwordBlock(command: Exclude<AtaCommand, 'identify'>, password: Uint8Array): Uint8Array {
  if (password.byteLength !== 32) throw new RangeError('a drive password has 32 bytes');
  const block = new Uint8Array(ATA_BLOCK);
  if (command === 'setPassword') new DataView(block.buffer).setUint16(0, MAXIMUM, true);
  block.set(password, 2);
  return block;
}

const ERROR = 1;
const DEVICE_FAULT = 1 << 5;
const READY = 1 << 6;
const ABORTED = 1 << 2;

/**
 * What the drive's registers say, in what sg_raw prints of the ATA Status Return descriptor (SAT-3, clause 12.2.2.6). Undefined where
 * it prints none, or they say neither that all went well nor that the command was aborted.
 */
export function answerIn(printed: string): 'done' | 'refused' | undefined {
  const found =
    /ATA Status Return[\s\S]{0,80}?error=0x([0-9a-f]{1,2})\b[\s\S]{0,160}?status=0x([0-9a-f]{1,2})\b/i.exec(
      printed,
    );
  if (found === null) return undefined;
  const error = Number.parseInt(found[1]!, 16);
  const status = Number.parseInt(found[2]!, 16);
  if ((status & (ERROR | DEVICE_FAULT | READY)) === READY) return 'done';
  return (status & ERROR) !== 0 && (error & ABORTED) !== 0 ? 'refused' : undefined;
}
