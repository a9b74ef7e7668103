import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { ByteView } from '../../src/base/index.ts';
import { DiskImage } from './disk-image.ts';

/**
 * Leaves these changes in the volume's journal and nowhere else, as a host does that loses its power: the transaction
 * is committed, its blocks are not in their places, and the volume needs recovery.
 */
export async function leaveInJournal(disk: DiskImage, changes: readonly string[]): Promise<void> {
  const volume = disk.volumes[0]!;
  const copy = new DiskImage(`${disk.path}.after`, disk.volumes);
  const blocks = `${disk.path}.blocks`;
  await copyFile(disk.path, copy.path);
  try {
    await copy.tamper(changes);
    const [before, after] = await Promise.all(
      [disk.path, copy.path].map(async (path) =>
        (await readFile(path)).subarray(volume.start, volume.start + volume.length),
      ),
    );
    if (before === undefined || after === undefined) return;
    const blockSize = 1024 << new ByteView(before).u32le(1024 + 0x18);
    const numbers: number[] = [];
    const contents: Buffer[] = [];
    for (let at = 0; at < volume.length; at += blockSize) {
      const block = after.subarray(at, at + blockSize);
      if (block.equals(before.subarray(at, at + blockSize))) continue;
      numbers.push(at / blockSize);
      contents.push(block);
    }
    await writeFile(blocks, Buffer.concat(contents));
    await disk.tamper(['journal_open', `journal_write -b ${numbers.join(',')} ${blocks}`, 'journal_close']);
  } finally {
    await rm(copy.path, { force: true });
    await rm(blocks, { force: true });
  }
}
