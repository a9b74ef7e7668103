import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { MiB } from '../../src/base/index.ts';
import { debugfs, run } from './disk-tools.ts';

const BLOCK = 4096;
const INODE = 256;
/** The first inode that a new volume has free is the directory's; the files follow. */
const DIRECTORY = 12;
const FIRST = 13;

export interface ManyFiles {
  readonly path: string;
  readonly count: number;
  /** Modification time of the n-th file, whole seconds. */
  readonly mtime?: (n: number) => number;
  /** With metadata checksums, as most hosts have them; takes a little longer. */
  readonly checksums?: boolean;
}

/** The name of the n-th file: "file-000042.log". */
export const manyName = (n: number): string => `file-${String(n).padStart(6, '0')}.log`;

/** The blocks of a directory with these names, without an index. */
function directoryBlocks(count: number): Buffer {
  const blocks: Buffer[] = [];
  let block = Buffer.alloc(BLOCK);
  let at = 0;
  let last = 0;
  const add = (inode: number, name: string, type: number): void => {
    const length = (8 + name.length + 3) & ~3;
    if (at + length > BLOCK) {
      block.writeUInt16LE(BLOCK - last, last + 4);
      blocks.push(block);
      block = Buffer.alloc(BLOCK);
      at = 0;
    }
    block.writeUInt32LE(inode, at);
    block.writeUInt16LE(length, at + 4);
    block.writeUInt8(name.length, at + 6);
    block.writeUInt8(type, at + 7);
    block.write(name, at + 8, 'latin1');
    last = at;
    at += length;
  };
  add(DIRECTORY, '.', 2);
  add(2, '..', 2);
  for (let n = 0; n < count; n += 1) add(FIRST + n, manyName(n), 1);
  block.writeUInt16LE(BLOCK - last, last + 4);
  return Buffer.concat([...blocks, block]);
}

/** An empty regular file with an empty extent tree. */
function emptyFile(mtime: number): Buffer {
  const inode = Buffer.alloc(INODE);
  inode.writeUInt16LE(0o100644, 0);
  for (const at of [8, 12, 16]) inode.writeUInt32LE(mtime, at);
  inode.writeUInt16LE(1, 26);
  inode.writeUInt32LE(0x80000, 32);
  inode.writeUInt16LE(0xf30a, 40);
  inode.writeUInt16LE(4, 44);
  inode.writeUInt16LE(32, 128);
  return inode;
}

/**
 * Makes an ext4 volume with a directory "/many" of so many empty files, in seconds: the tools look through a whole directory
 * for each name that they add, so directory and inodes are written as bytes, and e2fsck counts them and makes the index.
 */
export async function makeManyFiles({ path, count, mtime, checksums }: ManyFiles): Promise<void> {
  const groups = Math.ceil((count + 64) / 30_000);
  await rm(path, { force: true });
  await writeFile(path, '');
  await truncate(path, groups * 32 * MiB);
  const features = '^metadata_csum,^uninit_bg,^resize_inode';
  const shape = ['-b', `${BLOCK}`, '-g', '8192', '-N', `${groups * 30_000}`, '-I', `${INODE}`];
  await run('mkfs.ext4', [
    '-q',
    '-F',
    '-O',
    features,
    '-E',
    'lazy_itable_init=0',
    '-J',
    'size=4',
    ...shape,
    path,
  ]);
  const blocks = `${path}.blocks`;
  await writeFile(blocks, directoryBlocks(count));
  await debugfs(path, [`write ${blocks} many`, 'sif many mode 040755', 'sif many links_count 2']);
  await rm(blocks);
  const about = await run('dumpe2fs', [path]);
  const perGroup = Number(/Inodes per group:\s+(\d+)/.exec(about)?.[1]);
  const tables = [...about.matchAll(/Inode table at (\d+)-/g)].map((found) => Number(found[1]));
  const image = await open(path, 'r+');
  try {
    for (const [group, table] of tables.entries()) {
      const from = Math.max(0, FIRST - 1 - group * perGroup);
      const to = Math.min(perGroup, FIRST - 1 + count - group * perGroup);
      if (to <= from) continue;
      const inodes: Buffer[] = [];
      for (let slot = from; slot < to; slot += 1) {
        const n = group * perGroup + slot + 1 - FIRST;
        inodes.push(emptyFile(mtime?.(n) ?? 1_700_000_000 + n));
      }
      const bytes = Buffer.concat(inodes);
      await image.write(bytes, 0, bytes.byteLength, table * BLOCK + from * INODE);
    }
  } finally {
    await image.close();
  }
  if (checksums === true) {
    await run('e2fsck', ['-fy', path], [0, 1]);
    await run('tune2fs', ['-O', 'metadata_csum', path]);
  }
  await run('e2fsck', ['-fyD', path], [0, 1]);
}
