import { type FileHandle, open } from 'node:fs/promises';
import { checkBlockRange, NsError, sentenceOf } from '../../base/index.ts';
import type { FlashLayout } from '../../board/index.ts';
import type { OpenPartition } from './firmware-slots.ts';

/**
 * Opens partitions of a medium that is an image in a file, for trying updates where there is no flash. NOR flash behaves as
 * such: an erase makes ones, and a write only ever makes zeros of them.
 */
export function openImage(
  path: string,
  { kind, eraseSize, partitions }: FlashLayout,
): (name: string) => Promise<OpenPartition> {
  return async (name) => {
    const found = partitions.find((part) => part.name === name);
    if (found === undefined) throw new NsError('NS_FLASH', `the layout has no partition ${name}`);
    const { offset: start, size } = found;
    const file = await open(path, 'r+').catch((cause: unknown) => {
      throw new NsError('NS_FLASH', `${path} cannot be opened: ${sentenceOf(cause)}`, { cause });
    });
    return {
      size,
      eraseSize,
      async erase(offset, length) {
        checkBlockRange(name, size, offset, length);
        if (offset % eraseSize !== 0 || length % eraseSize !== 0)
          throw new NsError('NS_FLASH', `${length} bytes at ${offset} of ${name} are no erase blocks`);
        if (kind === 'nor') await file.write(new Uint8Array(length).fill(0xff), 0, length, start + offset);
      },
      async write(offset, data) {
        checkBlockRange(name, size, offset, data.byteLength);
        const bytes = kind === 'nor' ? await overWhatIsThere(file, start + offset, data) : data;
        await file.write(bytes, 0, bytes.byteLength, start + offset);
      },
      async read(offset, into) {
        checkBlockRange(name, size, offset, into.byteLength);
        await file.read(into, 0, into.byteLength, start + offset);
      },
      flush: () => file.datasync(),
      close: () => file.close(),
    };
  };
}

async function overWhatIsThere(file: FileHandle, at: number, data: Uint8Array): Promise<Uint8Array> {
  const there = new Uint8Array(data.byteLength);
  await file.read(there, 0, there.byteLength, at);
  return there.map((byte, index) => byte & (data[index] ?? 0));
}
