import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { MiB } from '../../src/base/index.ts';
import { openExt4 } from '../../src/storage/index.ts';
import { makeExt4, scratch } from '../kit/disk-tools.ts';
import { fileSystemContract } from './file-system.ts';

async function onExt(
  options: readonly string[],
): Promise<Awaited<ReturnType<Parameters<typeof fileSystemContract>[1]>>> {
  const { dir, remove } = await scratch();
  const tree = join(dir, 'tree');
  await mkdir(join(tree, 'dir'), { recursive: true });
  await writeFile(
    join(tree, 'file'),
    Uint8Array.from({ length: 600 }, (_, i) => i % 200),
  );
  await writeFile(join(tree, 'empty'), '');
  await writeFile(join(tree, 'dir', 'inner'), 'inner');
  await symlink('file', join(tree, 'link'));
  await symlink('../../file', join(tree, 'dir', 'up'));
  await symlink('/dir', join(tree, 'away'));
  await symlink('nowhere', join(tree, 'broken'));
  await symlink('loop', join(tree, 'loop'));
  const path = join(dir, 'image');
  await makeExt4({ path, size: 8 * MiB, options, content: tree });
  const device = await openFileDevice(path, { name: 'disk0', writable: false });
  return {
    fs: await openExt4(device),
    done: async () => {
      await device.close();
      await remove();
    },
  };
}

await fileSystemContract('ext4', () => onExt([]));
await fileSystemContract('ext4 with inline data', () => onExt(['-O', 'inline_data']));
await fileSystemContract('ext2', () => onExt(['-t', 'ext2']));
