import { crc16Xmodem } from '../../base/index.ts';

/** "XMODEM/YMODEM Protocol Reference" (Forsberg, 1988). */
export const BYTE = {
  SOH: 0x01,
  STX: 0x02,
  EOT: 0x04,
  ACK: 0x06,
  NAK: 0x15,
  CAN: 0x18,
  /** Fills the last block. */
  SUB: 0x1a,
  /** A receiver that wants CRC-16 asks with a C. */
  C: 0x43,
} as const;

export const SMALL_BLOCK = 128;
export const LARGE_BLOCK = 1024;

export const CANCEL: Uint8Array = Uint8Array.of(
  ...Array<number>(8).fill(BYTE.CAN),
  ...Array<number>(8).fill(0x08),
);

/** How a receiver wants its blocks checked. */
export type Check = 'crc' | 'sum';

export function checkBytes(content: Uint8Array, check: Check): Uint8Array {
  if (check === 'sum') return Uint8Array.of(content.reduce((sum, byte) => (sum + byte) & 0xff, 0));
  const crc = crc16Xmodem(content);
  return Uint8Array.of(crc >> 8, crc & 0xff);
}
