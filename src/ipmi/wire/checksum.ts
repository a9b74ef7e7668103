/** The byte that makes all bytes sum to zero modulo 256 (IPMI 2.0, 13.8). */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
}
