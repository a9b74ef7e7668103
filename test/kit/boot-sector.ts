/** Where the BIOS puts the boot sector, and where this one has it put further sectors. */
const BOOT_AT = 0x7c00;
const LOAD_AT = 0x8000;
const SECTOR = 512;

/** Exit codes of QEMU (see debugConsole) by what the boot sector writes to port 0xF4. */
export const BOOT_EXIT = { said: 1, diskError: 5 } as const;

const le16 = (value: number): number[] => [value & 0xff, value >> 8];

function sectorOf(code: readonly number[], dataAt: number, data: Iterable<number>): Uint8Array {
  if (code.length !== dataAt) throw new Error(`the code has ${code.length} bytes, not ${dataAt}`);
  const sector = new Uint8Array(SECTOR);
  sector.set([...code, ...data]);
  sector.set([0x55, 0xaa], SECTOR - 2);
  return sector;
}

/** A boot sector of sixteen bytes of code and a word: the word goes to port 0xE9, and the machine ends. */
export function sayingBootSector(word: string): Uint8Array {
  const wordAt = 0x10;
  // biome-ignore format: one instruction a line
  const code = [
    0xbe, ...le16(BOOT_AT + wordAt), // 00  mov si, word
    0x2e, 0xac,                      // 03  cs lodsb
    0x84, 0xc0,                      // 05  test al, al
    0x74, 0x04,                      // 07  jz 0d
    0xe6, 0xe9,                      // 09  out 0xe9, al
    0xeb, 0xf6,                      // 0b  jmp 03
    0xe6, 0xf4,                      // 0d  out 0xf4, al      al = 0: exit code 1
    0xf4,                            // 0f  hlt
  ];
  return sectorOf(code, wordAt, Buffer.from(`${word}\0`));
}

/**
 * A boot sector that reads sectors by BIOS int 13h (function 42h, whose drive is behind AHCI here), says the text that
 * begins at a byte of them and ends with a NUL, and ends the machine.
 */
export function loadingBootSector(want: {
  readonly lba: number;
  readonly sectors: number;
  readonly textAt: number;
}): Uint8Array {
  const packetAt = 0x24;
  // biome-ignore format: one instruction a line
  const code = [
    0x31, 0xc0,                              // 00  xor ax, ax
    0x8e, 0xd8,                              // 02  mov ds, ax
    0xfc,                                    // 04  cld
    0xbe, ...le16(BOOT_AT + packetAt),       // 05  mov si, packet
    0xb4, 0x42,                              // 08  mov ah, 0x42      dl = drive, from the BIOS
    0xcd, 0x13,                              // 0a  int 0x13
    0x72, 0x10,                              // 0c  jc 1e
    0xbe, ...le16(LOAD_AT + want.textAt),    // 0e  mov si, text
    0xac,                                    // 11  lodsb
    0x84, 0xc0,                              // 12  test al, al
    0x74, 0x04,                              // 14  jz 1a
    0xe6, 0xe9,                              // 16  out 0xe9, al
    0xeb, 0xf7,                              // 18  jmp 11
    0xe6, 0xf4,                              // 1a  out 0xf4, al      al = 0: exit code 1
    0xf4, 0xf4,                              // 1c  hlt, hlt
    0xb0, 0x02,                              // 1e  mov al, 2         exit code 5
    0xe6, 0xf4,                              // 20  out 0xf4, al
    0xf4, 0xf4,                              // 22  hlt, hlt
  ];
  const packet = Buffer.alloc(16);
  packet.writeUInt8(packet.byteLength, 0);
  packet.writeUInt16LE(want.sectors, 2);
  packet.writeUInt16LE(LOAD_AT, 4);
  packet.writeUInt16LE(0, 6);
  packet.writeBigUInt64LE(BigInt(want.lba), 8);
  return sectorOf(code, packetAt, packet);
}

/** A boot sector that suspends a q35 machine to RAM (S3) by its PM1a control register, where SeaBIOS puts that. */
export const sleepingBootSector: Uint8Array = sectorOf(
  // biome-ignore format: one instruction a line
  [
    0xba, ...le16(0x0604), // 00  mov dx, 0x604
    0xb8, ...le16(0x2400), // 03  mov ax, 0x2400     sleep enable, sleep type 1
    0xef,                  // 06  out dx, ax
    0xf4,                  // 07  hlt
    0xeb, 0xfd,            // 08  jmp 07
  ],
  10,
  [],
);
