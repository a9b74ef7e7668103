export const bit = (byte: number, n: number): boolean => ((byte >> n) & 1) === 1;

/** The bit's weight where it is set. */
export const flag = (set: boolean, n: number): number => (set ? 1 << n : 0);

/** Little-endian, as everything in IPMI. */
export const le16 = (value: number): [number, number] => [value & 0xff, (value >> 8) & 0xff];
export const le32 = (value: number): [number, number, number, number] => [
  value & 0xff,
  (value >>> 8) & 0xff,
  (value >>> 16) & 0xff,
  (value >>> 24) & 0xff,
];

export const le24 = (value: number): [number, number, number] => [
  value & 0xff,
  (value >> 8) & 0xff,
  (value >> 16) & 0xff,
];

/** 0-99 in two decimal digits of four bits. */
export const bcd = (value: number): number => (Math.floor((value % 100) / 10) << 4) | (value % 10);

/** The name that a table of codes has for this one. */
export function nameOf<T extends string>(table: Readonly<Record<T, number>>, value: number): T | undefined {
  return (Object.keys(table) as T[]).find((name) => table[name] === value);
}
