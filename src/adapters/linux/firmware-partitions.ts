import { open, readdir, readFile, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkBlockRange, NsError, sentenceOf } from '../../base/index.ts';
import type { FlashLayout } from '../../board/index.ts';
import { DirectReader } from '../direct-reader.ts';
import type { OpenPartition } from './firmware-slots.ts';
import { readAll, writeAll } from './whole-range.ts';

export interface BlockPlaces {
  readonly sys: string;
  readonly dev: string;
  /** What is mounted where. */
  readonly mounts?: string;
}

const LINUX: BlockPlaces = { sys: '/sys/class/block', dev: '/dev', mounts: '/proc/self/mountinfo' };

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

async function deviceOf(name: string, places: BlockPlaces): Promise<string> {
  const { sys } = places;
  const named: string[] = [];
  for (const device of await readdir(sys).catch(() => [])) {
    const lines = (await readFile(`${sys}/${device}/uevent`, 'utf8').catch(() => '')).split('\n');
    if (lines.includes(`PARTNAME=${name}`)) named.push(device);
  }
  if (named.length === 0) throw new NsError('NS_FLASH', `there is no partition ${name}`);
  // A host's disk may be here too, and its partitions may have any name.
  const [only, ...more] = named.length === 1 ? named : await besideTheRoot(named, places);
  if (only === undefined || more.length > 0)
    throw new NsError('NS_FLASH', `${named.length} partitions are called ${name}`);
  return only;
}

/** Those on the disk from which the root was mounted. */
async function besideTheRoot(devices: readonly string[], { sys, mounts }: BlockPlaces): Promise<string[]> {
  const lines = mounts === undefined ? '' : await readFile(mounts, 'utf8').catch(() => '');
  // 26 1 179:4 / / ro,relatime - squashfs /dev/mmcblk0p4 ro (proc_pid_mountinfo(5))
  const root = lines
    .split('\n')
    .map((line) => line.split(' '))
    .findLast((fields) => fields[4] === '/')?.[2];
  const diskOf = async (device: string): Promise<string> => dirname(await realpath(`${sys}/${device}`));
  for (const device of await readdir(sys)) {
    const number = await readFile(`${sys}/${device}/dev`, 'utf8').catch(() => '');
    if (root === undefined || number.trim() !== root) continue;
    const disk = await diskOf(device);
    const disks = await Promise.all(devices.map(diskOf));
    return devices.filter((_, index) => disks[index] === disk);
  }
  return [];
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
      await writeAll(file, offset, data, signal).catch((cause: unknown) => {
        throw signal?.aborted === true ? signal.reason : failed('writing', cause);
      });
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
