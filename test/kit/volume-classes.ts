import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MiB } from '../../src/base/index.ts';
import { run } from './disk-tools.ts';
import { makeFat } from './fat-volume.ts';
import { makeNtfs } from './ntfs-volume.ts';

/** Makes the contents of one volume in a file. */
export type MakeVolume = (path: string) => Promise<void>;

async function blank(path: string, mib: number): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, '');
  await truncate(path, mib * MiB);
}

async function patch(path: string, ...patches: readonly (readonly [number, string])[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    for (const [at, text] of patches) {
      const bytes = Buffer.from(text, 'latin1');
      await file.write(bytes, 0, bytes.byteLength, at);
    }
  } finally {
    await file.close();
  }
}

const ext4: MakeVolume = async (path) => {
  await blank(path, 8);
  await run('mkfs.ext4', ['-q', '-F', '-L', 'root', '-O', '^metadata_csum', path]);
};

/** Signs of a kind, where nothing here makes a real one that would be read. */
const signs =
  (...patches: readonly (readonly [number, string])[]): MakeVolume =>
  async (path) => {
    await blank(path, 1);
    await patch(path, ...patches);
  };

/** Volumes of every class that the gate tells apart, by what is said of them. */
export const VOLUME_CLASSES: Readonly<Record<string, MakeVolume>> = {
  'ext4, clean': ext4,
  'ext4, journal dirty': async (path) => {
    await ext4(path);
    const [flags = 0] = (await readFile(path)).subarray(1024 + 0x60);
    await patch(path, [1024 + 0x60, String.fromCharCode(flags | 4)]);
  },
  'ext4, with errors': async (path) => {
    await ext4(path);
    await patch(path, [1024 + 0x3a, '\x03']);
  },
  'FAT, clean': (path) => makeFat(path, ['-F', '16', '-s', '1'], 8192),
  'FAT, left mounted': async (path) => {
    await makeFat(path, ['-F', '16', '-s', '1'], 8192);
    await patch(path, [37, '\x01']);
  },
  'NTFS, clean': (path) => makeNtfs(path, 8),
  'swap, clean': async (path) => {
    await blank(path, 1);
    await run('mkswap', ['-q', path]);
  },
  LUKS: signs([0, 'LUKS\xba\xbe\0\x02']),
  BitLocker: signs([0, '\xeb\x58\x90-FVE-FS-'], [510, '\x55\xaa']),
  LVM2: signs([512, 'LABELONE'], [536, 'LVM2 001']),
  'software RAID': signs([4096, '\xfc\x4e\x2b\xa9']),
  XFS: signs([0, 'XFSB']),
  btrfs: signs([0x10040, '_BHRfS_M']),
  exFAT: signs([0, '\xeb\x76\x90EXFAT   '], [510, '\x55\xaa']),
  APFS: signs([32, 'NXSB']),
  'nothing known': signs(),
};

/** Each of these makes a whole host one that may not be written. */
export const SLEEPERS: Readonly<Record<string, MakeVolume>> = {
  'swap with a hibernated Linux': async (path) => {
    await blank(path, 1);
    await run('mkswap', ['-q', path]);
    await patch(path, [4086, 'S1SUSPEND\0']);
  },
  'NTFS of a Windows with fast start-up': async (path) => {
    await makeNtfs(path, 8);
    const source = `${path}.hiberfil`;
    await writeFile(source, Buffer.alloc(65_536, 'hibr'));
    await run('ntfscp', ['-q', path, source, '/hiberfil.sys']);
  },
};

/** A disk with a GPT and these volumes, in order: disk0p1, disk0p2, … */
export async function diskOf(dir: string, volumes: readonly MakeVolume[]): Promise<string> {
  const path = join(dir, 'disk.img');
  const parts: Buffer[] = [];
  for (const make of volumes) {
    const part = join(dir, 'part');
    await make(part);
    parts.push(await readFile(part));
    await rm(part);
  }
  await blank(path, 2 + parts.reduce((sum, part) => sum + part.byteLength / MiB, 0));
  const script = parts.map((part) => `size=${part.byteLength / MiB}MiB, type=linux`).join('\n');
  const table = join(dir, 'table');
  await writeFile(table, `label: gpt\n${script}\n`);
  await run('sh', ['-c', 'sfdisk -q "$0" < "$1"', path, table]);
  const disk = await open(path, 'r+');
  let at = MiB;
  for (const part of parts) {
    await disk.write(part, 0, part.byteLength, at);
    at += part.byteLength;
  }
  await disk.close();
  return path;
}
