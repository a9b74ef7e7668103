/** Builds the eight slicing tables of a reflected 32-bit CRC. */
function slicingTables(polynomial: number): Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  const first = tables[0]!;
  for (let n = 0; n < 256; n += 1) {
    let c = n;
    for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ polynomial : c >>> 1;
    first[n] = c >>> 0;
  }
  for (let n = 0; n < 256; n += 1) {
    let c = first[n]!;
    for (let t = 1; t < 8; t += 1) {
      c = first[c & 0xff]! ^ (c >>> 8);
      tables[t]![n] = c >>> 0;
    }
  }
  return tables;
}

function update(tables: readonly Uint32Array[], seed: number, data: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = seed;
  let i = 0;
  for (; i + 8 <= data.length; i += 8) {
    crc ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[data[i + 4]!]! ^
      t2[data[i + 5]!]! ^
      t1[data[i + 6]!]! ^
      t0[data[i + 7]!]!;
  }
  for (; i < data.length; i += 1) crc = t0[(crc ^ data[i]!) & 0xff]! ^ (crc >>> 8);
  return crc >>> 0;
}

const castagnoli = slicingTables(0x82f63b78);
const ieee = slicingTables(0xedb88320);

/** CRC-32C (RFC 3720 appendix B.4). Pass an earlier result as `previous` to go on. */
export function crc32c(data: Uint8Array, previous = 0): number {
  return (update(castagnoli, (previous ^ 0xffffffff) >>> 0, data) ^ 0xffffffff) >>> 0;
}

/** CRC-32C as Linux filesystems chain it: the running value is passed in and out without inversion. */
export function crc32cRaw(seed: number, data: Uint8Array): number {
  return update(castagnoli, seed >>> 0, data);
}

/** CRC-32 of IEEE 802.3, as GPT uses it (UEFI 2.10 section 5.3.2). `previous`: of what comes before. */
export function crc32(data: Uint8Array, previous = 0): number {
  return (update(ieee, (previous ^ 0xffffffff) >>> 0, data) ^ 0xffffffff) >>> 0;
}

/** CRC-16 with polynomial 0xA001, reflected (ext4 group descriptors of gdt_csum); start value ~0. */
export function crc16Arc(seed: number, data: Uint8Array): number {
  let crc = seed & 0xffff;
  for (const byte of data) {
    crc ^= byte;
    for (let k = 0; k < 8; k += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** CRC-16/XMODEM, polynomial 0x1021, start 0 (JEDEC SPD bytes, XMODEM blocks). */
export function crc16Xmodem(data: Uint8Array): number {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let k = 0; k < 8; k += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
