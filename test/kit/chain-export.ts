import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { serveNbd } from '../../src/adapters/nbd/nbd-server.ts';
import { bytes, checkBlockRange } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import type { NbdPlace } from './qemu.ts';

const SECTOR = 512;

/** A chain whose members are image files, offered to a host as one drive. */
export interface ChainExport extends NbdPlace {
  /** Paths of the members' images, in the chain's order. */
  readonly members: readonly string[];
  /** The chain is disabled: whoever is connected is cut off, and nobody can connect. */
  withdraw(): Promise<void>;
  /** It is enabled again. */
  offer(): Promise<void>;
  /** All its sectors, for one who reads them while no host does. */
  disk(): Promise<BlockDevice>;
  close(): Promise<void>;
}

/** Cuts a disk's content into images of so many sectors each, and offers the chain of them. */
export async function exportChain(
  directory: string,
  content: Uint8Array,
  memberSectors: readonly number[],
): Promise<ChainExport> {
  const members: string[] = [];
  let at = 0;
  for (const [i, sectors] of memberSectors.entries()) {
    const path = join(directory, `member-${i}.img`);
    const file = await open(path, 'wx');
    await file.write(content.subarray(at, at + sectors * SECTOR), 0, undefined, 0);
    await file.truncate(sectors * SECTOR);
    await file.close();
    members.push(path);
    at += sectors * SECTOR;
  }
  if (at < content.byteLength) throw new Error('the members are too small for the content');
  const place = { socketPath: join(directory, 'chain.sock'), exportName: '' };
  const serve = async (): Promise<() => Promise<void>> => {
    const device = await openMembers(members);
    const server = await serveNbd(device, place);
    return async () => {
      await server.close();
      await device.close();
    };
  };
  let stop: (() => Promise<void>) | undefined = await serve();
  const withdraw = async (): Promise<void> => {
    await stop?.();
    stop = undefined;
  };
  return {
    ...place,
    members,
    withdraw,
    offer: async () => {
      stop ??= await serve();
    },
    disk: () => openMembers(members),
    close: withdraw,
  };
}

async function openMembers(paths: readonly string[]): Promise<BlockDevice> {
  const members: BlockDevice[] = [];
  for (const path of paths) members.push(await openFileDevice(path, { name: path, writable: true }));
  const size = members.reduce((sum, { capabilities }) => sum + capabilities.size, 0);
  const each = async (
    offset: number,
    length: number,
    act: (member: BlockDevice, at: number, from: number, count: number) => Promise<void>,
  ): Promise<void> => {
    checkBlockRange('the chain', size, offset, length);
    let base = 0;
    for (const member of members) {
      const from = Math.max(offset, base);
      const to = Math.min(offset + length, base + member.capabilities.size);
      if (from < to) await act(member, from - base, from - offset, to - from);
      base += member.capabilities.size;
    }
  };
  return {
    name: 'chain',
    capabilities: { size: bytes(size), sectorSize: bytes(SECTOR), writable: true, trim: false },
    read: (offset, into, signal) =>
      each(offset, into.byteLength, (member, at, from, count) =>
        member.read(at, into.subarray(from, from + count), signal),
      ),
    write: (offset, data, signal) =>
      each(offset, data.byteLength, (member, at, from, count) =>
        member.write(at, data.subarray(from, from + count), signal),
      ),
    flush: async (signal) => {
      for (const member of members) await member.flush(signal);
    },
    trim: async () => {},
    close: async () => {
      for (const member of members) await member.close();
    },
  };
}
