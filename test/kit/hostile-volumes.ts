import { mkdir, open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GiB, MiB } from '../../src/base/index.ts';
import { debugfs, makeExt4, run } from './disk-tools.ts';
import { makeFat, mtool } from './fat-volume.ts';
import type { MakeVolume } from './volume-classes.ts';

/** What is beyond 4 GiB of the sparse file, and where. */
export const FAR = { at: 5 * GiB + 12_345, text: 'far beyond four gibibytes', size: 6 * GiB } as const;
export const ODD_NAMES = ['a\u001b[2Jb', 'tab\there', 'new\nline', '\u202egnp.exe', 'ünïcode'] as const;
export const OWNER = 70_000;

/** An ext4 with a sparse file of 6 GiB, names that no terminal should see, and an owner of more than 16 bits. */
export const oddExt4: MakeVolume = async (path) => {
  const tree = `${path}.tree`;
  await mkdir(join(tree, 'names'), { recursive: true });
  const far = await open(join(tree, 'far'), 'w');
  await far.truncate(FAR.size);
  await far.write(Buffer.from(FAR.text), 0, FAR.text.length, FAR.at);
  await far.close();
  for (const name of ODD_NAMES) await writeFile(join(tree, 'names', name), name);
  await writeFile(join(tree, 'owned'), 'owned\n');
  await makeExt4({ path, size: 16 * MiB, options: ['-L', 'odd'], content: tree });
  await rm(tree, { recursive: true });
  await debugfs(path, [`sif /owned uid ${OWNER}`, `sif /owned gid ${OWNER}`]);
};

/** An ext4 in which a directory is in a directory that is in it. */
export const loopedExt4: MakeVolume = async (path) => {
  const tree = `${path}.tree`;
  await mkdir(join(tree, 'round', 'and'), { recursive: true });
  await writeFile(join(tree, 'round', 'file'), 'file\n');
  await makeExt4({ path, size: 4 * MiB, options: ['-L', 'looped'], content: tree });
  await rm(tree, { recursive: true });
  await debugfs(path, ['link /round /round/and/round']);
};

/** An EFI partition whose two allocation tables say different things of one file. */
export const twoTables: MakeVolume = async (path) => {
  await makeFat(path, ['-F', '16', '-s', '1'], 8192);
  const loader = `${path}.efi`;
  await writeFile(loader, Buffer.alloc(64 * 1024, 'EFI'));
  await mtool(path, 'mmd', ['::EFI']);
  await mtool(path, 'mcopy', [loader, '::EFI/loader.efi']);
  await rm(loader);
  const disk = await open(path, 'r+');
  const boot = Buffer.alloc(64);
  await disk.read(boot, 0, 64, 0);
  const second = (boot.readUInt16LE(14) + boot.readUInt16LE(22)) * 512;
  await disk.write(Buffer.alloc(64), 0, 64, second + 8);
  await disk.close();
};

/** Two partitions over the same stretch of a disk image, by the boot record: the second begins inside the first. */
export async function overlapping(path: string, make: MakeVolume): Promise<void> {
  const part = `${path}.part`;
  await make(part);
  await rm(path, { force: true });
  await writeFile(path, '');
  await truncate(path, 24 * MiB);
  await run('dd', [`if=${part}`, `of=${path}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none']);
  await rm(part);
  const script = `${path}.table`;
  await writeFile(
    script,
    'label: dos\n1 : start=2048, size=32768, type=83\n2 : start=40960, size=4096, type=83\n',
  );
  await run('sh', ['-c', 'sfdisk -q --no-tell-kernel "$0" < "$1"', path, script]);
  const disk = await open(path, 'r+');
  const start = Buffer.alloc(4);
  start.writeUInt32LE(16_384);
  await disk.write(start, 0, 4, 446 + 16 + 8);
  await disk.close();
}
