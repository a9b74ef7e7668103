import { constants, open, readFile } from 'node:fs/promises';
import { checkBlockRange, NsError, sentenceOf } from '../../base/index.ts';
import type { FlashLayout } from '../../board/index.ts';
import { type Libc, loadLibc } from '../libc.ts';
import type { OpenPartition } from './firmware-slots.ts';
import { readAll, writeAll } from './whole-range.ts';

/** _IOW('M', 2, struct erase_info_user): start and length, 32 bits each (linux/mtd/mtd-abi.h). */
const MEMERASE = 0x40084d02;

export interface MtdPlaces {
  readonly proc: string;
  readonly dev: string;
}

const LINUX: MtdPlaces = { proc: '/proc/mtd', dev: '/dev' };

/**
 * Opens partitions of NOR flash by their names, by the character devices: an erase and a write reach the flash at once, and
 * each says whether it did; nothing is kept in memory, so that a read comes from the flash. A block device over the same
 * flash would keep an erase block in memory and write it when it likes.
 */
export async function openMtd(
  { eraseSize }: FlashLayout,
  places: MtdPlaces = LINUX,
  given?: Pick<Libc, 'ioctlAside'>,
): Promise<(name: string) => Promise<OpenPartition>> {
  const libc = given ?? (await loadLibc('NS_FLASH'));
  const table = await readFile(places.proc, 'utf8').catch((cause: unknown) => {
    throw new NsError('NS_FLASH', `${places.proc} cannot be read: ${sentenceOf(cause)}`, { cause });
  });
  return async (name) => {
    const found = partitionsIn(table).find((partition) => partition.name === name);
    if (found === undefined) throw new NsError('NS_FLASH', `there is no flash partition ${name}`);
    if (eraseSize % found.eraseSize !== 0)
      throw new NsError('NS_FLASH', `${name} is erased ${found.eraseSize} bytes at a time, not ${eraseSize}`);
    return openPartition(`${places.dev}/mtd${found.number}`, found, libc);
  };
}

interface MtdPartition {
  readonly number: number;
  readonly name: string;
  readonly size: number;
  readonly eraseSize: number;
}

/** Of /proc/mtd: `mtd3: 00400000 00001000 "app-a"`. */
function partitionsIn(table: string): MtdPartition[] {
  return [...table.matchAll(/^mtd(\d+): ([0-9a-f]+) ([0-9a-f]+) "(.*)"$/gm)].map(
    ([, number, size, eraseSize, name]) => ({
      number: Number(number),
      name: name ?? '',
      size: Number.parseInt(size ?? '', 16),
      eraseSize: Number.parseInt(eraseSize ?? '', 16),
    }),
  );
}

async function openPartition(
  path: string,
  { name, size, eraseSize }: MtdPartition,
  libc: Pick<Libc, 'ioctlAside'>,
): Promise<OpenPartition> {
  const failed = (verb: string, cause: unknown) =>
    new NsError('NS_FLASH', `${verb} ${name} failed: ${sentenceOf(cause)}`, { cause });
  const file = await open(path, constants.O_RDWR).catch((cause: unknown) => {
    throw failed('opening', cause);
  });
  return {
    size,
    eraseSize,
    async erase(offset, length, signal) {
      checkBlockRange(name, size, offset, length);
      // One block at a time: each takes up to seconds, and the flash may be asked to stop between two.
      for (let at = offset; at < offset + length; at += eraseSize) {
        signal?.throwIfAborted();
        const block = Buffer.alloc(8);
        block.writeUInt32LE(at, 0);
        block.writeUInt32LE(eraseSize, 4);
        const error = await libc.ioctlAside(file.fd, MEMERASE, block);
        if (error !== 0) throw failed('erasing', `block at ${at} (error ${error})`);
      }
    },
    async write(offset, data, signal) {
      checkBlockRange(name, size, offset, data.byteLength);
      await writeAll(file, offset, data, signal).catch((cause: unknown) => {
        throw signal?.aborted === true ? signal.reason : failed('writing', cause);
      });
    },
    async read(offset, into) {
      checkBlockRange(name, size, offset, into.byteLength);
      const done = await readAll(file, offset, into).catch((cause: unknown) => {
        throw failed('reading', cause);
      });
      if (done < into.byteLength) throw failed('reading', 'it ends early');
    },
    // What a write has returned from is in the flash.
    flush: () => Promise.resolve(),
    close: () => file.close(),
  };
}
