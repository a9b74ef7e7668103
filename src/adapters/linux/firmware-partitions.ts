import { open, readdir, readFile } from 'node:fs/promises';
import { checkBlockRange, NsError, sentenceOf } from '../../base/index.ts';
import type { FlashLayout } from '../../board/index.ts';
import { DirectReader } from '../direct-reader.ts';
import type { OpenPartition } from './firmware-slots.ts';

export interface BlockPlaces {
  readonly sys: string;
  readonly dev: string;
}

const LINUX: BlockPlaces = { sys: '/sys/class/block', dev: '/dev' };

/**
 * Opens partitions of an eMMC or a card by the names in its partition table. Nothing has to be erased there: the drive does
 * that by itself. Reads go past the page cache where the kernel allows it.
 */
export function openPartitions(
  { eraseSize }: Pick<FlashLayout, 'eraseSize'>,
  places: BlockPlaces = LINUX,
): (name: string) => Promise<OpenPartition> {
  return async (name) => {
    const device = await deviceOf(name, places);
    const sectors = Number(await readFile(`${places.sys}/${device}/size`, 'utf8').catch(() => 'none'));
    if (!Number.isSafeInteger(sectors)) throw new NsError('NS_FLASH', `the size of ${name} cannot be read`);
    return openPartition(`${places.dev}/${device}`, name, sectors * 512, eraseSize);
  };
}

async function deviceOf(name: string, { sys }: BlockPlaces): Promise<string> {
  const found: string[] = [];
  for (const device of await readdir(sys).catch(() => [])) {
    const lines = (await readFile(`${sys}/${device}/uevent`, 'utf8').catch(() => '')).split('\n');
    if (lines.includes(`PARTNAME=${name}`)) found.push(device);
  }
  const [only] = found;
  if (only === undefined) throw new NsError('NS_FLASH', `there is no partition ${name}`);
  // Which of them was started from cannot be told.
  if (found.length > 1) throw new NsError('NS_FLASH', `${found.length} partitions are called ${name}`);
  return only;
}

async function openPartition(
  path: string,
  name: string,
  size: number,
  eraseSize: number,
): Promise<OpenPartition> {
  const failed = (verb: string, cause: unknown) =>
    new NsError('NS_FLASH', `${verb} ${name} failed: ${sentenceOf(cause)}`, { cause });
  const file = await open(path, 'r+').catch((cause: unknown) => {
    throw failed('opening', cause);
  });
  const direct = await DirectReader.open(file.fd);
  return {
    size,
    eraseSize,
    erase: async (offset, length) => checkBlockRange(name, size, offset, length),
    async write(offset, data, signal) {
      checkBlockRange(name, size, offset, data.byteLength);
      for (let done = 0; done < data.byteLength; ) {
        signal?.throwIfAborted();
        const { bytesWritten } = await file
          .write(data, done, data.byteLength - done, offset + done)
          .catch((cause: unknown) => {
            throw failed('writing', cause);
          });
        done += bytesWritten;
      }
    },
    async read(offset, into) {
      checkBlockRange(name, size, offset, into.byteLength);
      const done = await (direct?.read(offset, into) ?? readAll(file, offset, into)).catch(
        (cause: unknown) => {
          throw failed('reading', cause);
        },
      );
      if (done < into.byteLength) throw failed('reading', 'it ends early');
    },
    flush: () =>
      file.sync().catch((cause: unknown) => {
        throw failed('flushing', cause);
      }),
    async close() {
      await direct?.close();
      await file.close();
    },
  };
}

async function readAll(
  file: Awaited<ReturnType<typeof open>>,
  offset: number,
  into: Uint8Array,
): Promise<number> {
  let done = 0;
  while (done < into.byteLength) {
    const { bytesRead } = await file.read(into, done, into.byteLength - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
