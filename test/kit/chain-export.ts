import { join } from 'node:path';
import { openNbd } from '../../src/adapters/nbd/nbd-client.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { makeMembers, serveChain } from './chain-program.ts';
import type { NbdPlace } from './qemu.ts';

const SECTOR = 512;

/** nightshift-chain at work, as something that a host can have as its drive. */
export interface ChainExport extends NbdPlace {
  /** Paths of the members' images, in the chain's order. */
  readonly members: readonly string[];
  /** Gives it an order, as a person would; what is printed. Throws where it is not obeyed. */
  order(...words: readonly string[]): Promise<string>;
  /** All its sectors, as one who connects to it has them. Throws where nothing is offered. */
  disk(): Promise<BlockDevice>;
  /** Its power is gone in the middle of whatever it does, and comes back. */
  powerCut(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a chain of image files of so many sectors each in this directory, and writes a disk's content to it. */
export async function exportChain(
  program: string,
  directory: string,
  memberSectors: readonly number[],
  content: Uint8Array = new Uint8Array(0),
): Promise<ChainExport> {
  const sizes = memberSectors.map((sectors) => sectors * SECTOR);
  const members = await makeMembers(directory, sizes);
  const serve = () => serveChain(program, directory, members, ['--state', join(directory, 'state')]);
  let chain = await serve();
  const place: NbdPlace = { socketPath: chain.socket, exportName: '' };
  const disk = (): Promise<BlockDevice> => openNbd(place);
  const close = async (): Promise<void> => {
    await chain.stop();
  };
  try {
    const target = await disk();
    await target.write(0, content);
    await target.flush();
    await target.close();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...place,
    members,
    order: (...words) => chain.order(...words),
    disk,
    powerCut: async () => {
      await chain.kill();
      chain = await serve();
    },
    close,
  };
}
