import { lstat, mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileKind } from '../../src/ports/index.ts';
import { debugfs, sha256 } from './disk-tools.ts';
import { mtool } from './fat-volume.ts';
import type { Tree, TreeNode } from './tree-model.ts';

const KINDS: Readonly<Record<string, FileKind>> = {
  regular: 'file',
  directory: 'directory',
  symlink: 'symlink',
  FIFO: 'fifo',
  'character special': 'character',
  'block special': 'block',
  socket: 'socket',
};

/** In double quotes, a double quote doubled. */
const quote = (path: string): string => `"${path.replaceAll('"', '""')}"`;

/** An ext2, ext3 or ext4 volume as debugfs reads it. `dir`: where its files go on the way. */
export async function debugfsTree(image: string, dir: string): Promise<Tree> {
  const names = await namesByDebugfs(image);
  const out = join(dir, 'rdump');
  await rm(out, { recursive: true, force: true });
  await mkdir(out);
  await debugfs(image, [`rdump / ${out}`]);
  const said = await debugfs(
    image,
    names.map((path) => `stat ${quote(path)}`),
  );
  const stats = said.split(/^debugfs: stat .*\n/m).slice(1);
  if (stats.length !== names.length)
    throw new Error(`debugfs tells of ${stats.length} of ${names.length} names`);
  const tree: Tree = new Map();
  for (const [i, path] of names.entries()) tree.set(path, await nodeOf(stats[i]!, join(out, path)));
  await rm(out, { recursive: true });
  return tree;
}

async function namesByDebugfs(image: string): Promise<string[]> {
  const names: string[] = [];
  for (let level = ['']; level.length > 0; ) {
    const said = await debugfs(
      image,
      level.map((path) => `ls -p ${quote(path === '' ? '/' : path)}`),
    );
    const listings = said.split(/^debugfs: ls -p .*\n/m).slice(1);
    const next: string[] = [];
    for (const [i, listing] of listings.entries()) {
      for (const line of listing.split('\n')) {
        const [, inode, mode = '', , , name = ''] = line.split('/');
        // A name that was taken away from the beginning of a block is shown too.
        if (inode === '0' || name === '' || name === '.' || name === '..') continue;
        const path = `${level[i]}/${name}`;
        names.push(path);
        if (mode.startsWith('04')) next.push(path);
      }
    }
    level = next;
  }
  return names;
}

async function nodeOf(said: string, dumped: string): Promise<TreeNode> {
  const field = (pattern: RegExp): string => {
    const found = pattern.exec(said)?.[1];
    if (found === undefined) throw new Error(`debugfs does not tell ${pattern} of ${dumped}: ${said}`);
    return found;
  };
  const kind = KINDS[field(/Type: (.*?) +Mode:/)] ?? 'file';
  const [low = '', extra = '0'] = field(/^ *mtime: 0x([0-9a-f:]+)/m).split(':');
  const epoch = (Number.parseInt(extra, 16) & 3) * 2 ** 32;
  return {
    kind,
    mode: Number.parseInt(field(/Mode: +(\d+)/), 8),
    uid: Number(field(/User: +(-?\d+)/)) >>> 0,
    gid: Number(field(/Group: +(-?\d+)/)) >>> 0,
    mtime: (Number.parseInt(low, 16) | 0) + epoch,
    links: Number(field(/Links: (\d+)/)),
    size: kind === 'directory' ? 0 : Number(field(/Size: (\d+)/)),
    inode: Number(field(/Inode: (\d+)/)),
    ...(kind === 'file' ? { content: sha256(await readFile(dumped)) } : {}),
    ...(kind === 'symlink' ? { content: await readlink(dumped) } : {}),
  };
}

/** A FAT volume as mcopy brings it into a directory; who may write is told by mattrib. */
export async function mcopyTree(image: string, dir: string): Promise<Tree> {
  const out = join(dir, 'mcopied');
  await rm(out, { recursive: true, force: true });
  await mkdir(out);
  await mtool(image, 'mcopy', ['-s', '-n', '-p', '-m', '-Q', '::/', out]);
  const tree = await directoryTree(out);
  await rm(out, { recursive: true });
  // Of an empty volume mattrib says that there is nothing, as a failure.
  const marks = tree.size === 0 ? '' : await mtool(image, 'mattrib', ['-/', '-X', '::/']);
  for (const line of marks.split('\n')) {
    const [, mark = '', path = ''] = /^([A-Z]*) ::(\/.*)$/.exec(line) ?? [];
    const node = tree.get(path);
    if (mark.includes('R') && node !== undefined) tree.set(path, { ...node, mode: 0o444 });
  }
  return tree;
}

/** What is below a directory, as the kernel has it. */
export async function directoryTree(root: string): Promise<Tree> {
  const tree: Tree = new Map();
  for (const dirent of await readdir(root, { recursive: true, withFileTypes: true })) {
    const at = join(dirent.parentPath, dirent.name);
    const { mode, uid, gid, mtimeMs, nlink, size, ino } = await lstat(at);
    const kind = kindOf(dirent);
    tree.set(at.slice(root.length), {
      kind,
      mode: mode & 0o7777,
      uid,
      gid,
      mtime: Math.floor(mtimeMs / 1000),
      links: nlink,
      size: kind === 'directory' ? 0 : size,
      inode: ino,
      ...(kind === 'file' ? { content: sha256(await readFile(at)) } : {}),
      ...(kind === 'symlink' ? { content: await readlink(at) } : {}),
    });
  }
  return tree;
}

function kindOf(dirent: {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isFIFO(): boolean;
}) {
  if (dirent.isFile()) return 'file';
  if (dirent.isDirectory()) return 'directory';
  return dirent.isSymbolicLink() ? 'symlink' : dirent.isFIFO() ? 'fifo' : 'socket';
}
