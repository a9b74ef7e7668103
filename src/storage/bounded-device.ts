import { bytes, checkBlockRange } from '../base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../ports/index.ts';

/**
 * One stretch of a device as a device of its own: a partition, a region. Nothing done to it can touch a byte outside
 * `offset` to `offset + length`. Closing it leaves the parent open.
 *
 * Throws NS_BLOCK_RANGE where the stretch itself does not lie within the parent.
 */
export function boundedDevice(
  parent: BlockDevice,
  offset: number,
  length: number,
  name: string,
): BlockDevice {
  checkBlockRange(`${name} within ${parent.name}`, parent.capabilities.size, offset, length);
  const check = (start: number, count: number): void => checkBlockRange(name, length, start, count);
  const capabilities: BlockCapabilities = { ...parent.capabilities, size: bytes(length) };
  const { readMedium } = parent;
  return {
    name,
    capabilities,
    ...(readMedium === undefined
      ? {}
      : {
          async readMedium(start, into, signal) {
            check(start, into.byteLength);
            await readMedium(offset + start, into, signal);
          },
        }),
    async read(start, into, signal) {
      check(start, into.byteLength);
      await parent.read(offset + start, into, signal);
    },
    async write(start, data, signal) {
      check(start, data.byteLength);
      await parent.write(offset + start, data, signal);
    },
    async flush(signal) {
      await parent.flush(signal);
    },
    async trim(start, count, signal) {
      check(start, count);
      await parent.trim(offset + start, count, signal);
    },
    async close() {},
  };
}
