declare const byteBrand: unique symbol;

/** A number of bytes, or a byte offset. A whole number from 0 to 2^53-1: larger devices are refused when opened. */
export type ByteCount = number & { readonly [byteBrand]: true };

export const bytes = (n: number): ByteCount => n as ByteCount;
export const KiB = 1024;
export const MiB = 1024 * 1024;
export const GiB = 1024 * 1024 * 1024;

/** "0 B", "4.0 KiB", "1.5 GiB". */
export function formatBytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}
