import { NsError } from './errors.ts';

/**
 * Throws NS_BLOCK_RANGE unless the bytes lie wholly within a device of this size. Every BlockDevice calls it before
 * it does anything, so that an offset from a hostile disk or client never reaches a system call.
 */
export function checkBlockRange(device: string, size: number, offset: number, length: number): void {
  const sane =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    length <= size;
  if (!sane || offset > size - length) {
    throw new NsError(
      'NS_BLOCK_RANGE',
      `${length} bytes at ${offset} do not lie within ${device} of ${size} bytes`,
      { family: 'caller' },
    );
  }
}
