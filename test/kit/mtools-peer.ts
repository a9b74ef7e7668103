import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from './differential.ts';
import { mtool } from './fat-volume.ts';
import { mcopyTree } from './native-tree.ts';
import { type Operation, parentOf } from './tree-model.ts';

/** mtools alone at work on a FAT volume. `contents`: what a `put` brings. */
export function mtoolsPeer(image: string, dir: string, contents: readonly Uint8Array[]): Peer {
  const source = join(dir, 'source');
  return {
    async apply(operations) {
      for (const operation of operations) await apply(image, operation, source, contents);
    },
    tree: () => mcopyTree(image, dir),
  };
}

/** A path of something that is there, matched as a pattern. */
const there = (path: string): string => `::${path.replaceAll('[', '[[]')}`;

async function apply(
  image: string,
  operation: Operation,
  source: string,
  contents: readonly Uint8Array[],
): Promise<void> {
  const { path } = operation;
  const parent = parentOf(path);
  const fresh = `${there(parent)}${path.slice(parent.length)}`;
  switch (operation.does) {
    case 'put': {
      const { mode, mtime } = operation.attributes;
      if (operation.replace) await mtool(image, 'mdel', [there(path)]);
      await writeFile(source, contents[operation.content]!);
      await utimes(source, mtime, mtime);
      await mtool(image, 'mcopy', ['-m', source, fresh]);
      if ((mode & 0o222) === 0) await mtool(image, 'mattrib', ['+r', there(path)]);
      break;
    }
    case 'make-directory':
      await mtool(image, 'mmd', [fresh]);
      break;
    case 'remove':
      await mtool(image, operation.directory ? 'mrd' : 'mdel', [there(path)]);
      break;
    case 'remove-tree':
      await mtool(image, 'mdeltree', [there(path)]);
  }
}
