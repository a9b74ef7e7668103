import { rm, truncate, writeFile } from 'node:fs/promises';
import { run } from './disk-tools.ts';

/** Formats, by what mkfs.vfat is told and the size of the volume in KiB. */
export const FAT_SHAPES: readonly (readonly [string, readonly string[], number])[] = [
  ['FAT12 of a floppy disk', [], 1440],
  ['FAT12, clusters of 4 KiB', ['-F', '12', '-s', '8'], 15_000],
  ['FAT16', ['-F', '16', '-s', '4'], 32_000],
  ['FAT16, one table, sectors of 4 KiB', ['-F', '16', '-f', '1', '-S', '4096', '-s', '1'], 64_000],
  ['FAT32', ['-F', '32', '-s', '1'], 40_000],
  ['FAT32, sectors of 4 KiB', ['-F', '32', '-S', '4096', '-s', '1'], 280_000],
];

/** Makes an empty volume with a label and a serial number. */
export async function makeFat(path: string, options: readonly string[], kib: number): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, '');
  await truncate(path, kib * 1024);
  await run('mkfs.vfat', ['-n', 'NIGHT', '-i', '1234abcd', ...options, path]);
}

/** A program of mtools on a volume, in which "::" stands for its root. */
export function mtool(path: string, program: string, args: readonly string[]): Promise<string> {
  return run('env', ['MTOOLS_SKIP_CHECK=1', 'LC_ALL=C.UTF-8', 'TZ=UTC', program, '-i', path, ...args]);
}
