import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { ExportDoor } from '../../src/adapters/nbd/export-gate.ts';
import { serveNbd } from '../../src/adapters/nbd/nbd-server.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { BlockDrive, ChainRouter, openChainDevice, type RoutedMember } from '../../src/sata-chain/index.ts';
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
  disk(): Promise<OpenChain>;
  close(): Promise<void>;
}

export interface OpenChain {
  readonly device: BlockDevice;
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
  const chain = await openChain(members);
  const door = new ExportDoor();
  door.open(chain.device);
  const server = await serveNbd(door, { ...place, minimumBlock: SECTOR });
  return {
    ...place,
    members,
    withdraw: async () => door.close(),
    offer: async () => door.open(chain.device),
    disk: () => openChain(members),
    close: async () => {
      await server.close();
      await chain.close();
    },
  };
}

/** One unit before each image, each the neighbour of the next. */
async function openChain(paths: readonly string[]): Promise<OpenChain> {
  const files: BlockDevice[] = [];
  for (const path of paths) files.push(await openFileDevice(path, { name: path, writable: true }));
  let below: RoutedMember | undefined;
  for (const [i, file] of [...files.entries()].reverse()) {
    const drive = new BlockDrive(file, { serial: `member-${i}` });
    const unit = new ChainRouter();
    const merged = unit.setMembers({ identity: drive.identity, target: drive }, below);
    if (!merged.ok) throw new Error(merged.sentence);
    below = { identity: merged.identity, target: unit };
  }
  if (below?.target === undefined) throw new Error('a chain without members');
  const device = await openChainDevice('chain', below.target);
  return {
    device,
    close: async () => {
      for (const file of files) await file.close();
    },
  };
}
