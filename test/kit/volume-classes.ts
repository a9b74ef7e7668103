import { copyFile, mkdir, open, readFile, rename, rm, rmdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MiB } from '../../src/base/index.ts';
import { lvmText, lvmVolume, writeMd } from './container-images.ts';
import { run } from './disk-tools.ts';
import { makeFat } from './fat-volume.ts';
import { twoTables } from './hostile-volumes.ts';
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

const KEY = 'a key that nobody has to keep';

/** An encrypted volume by cryptsetup, as quick as it can be made. */
const luks =
  (type: 'luks1' | 'luks2', mib: number): MakeVolume =>
  async (path) => {
    const key = `${path}.key`;
    await blank(path, mib);
    await writeFile(key, KEY);
    const quick = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
    await run('cryptsetup', ['luksFormat', '-q', '--type', type, ...quick, '--key-file', key, path]);
    await rm(key);
  };

/** xfsprogs makes no small volume for anybody but its own tests. */
const xfs: MakeVolume = async (path) => {
  await blank(path, 16);
  await run('env', ['TEST_DIR=1', 'TEST_DEV=1', 'QA_CHECK_FS=1', 'mkfs.xfs', '-q', '-f', path]);
};

/**
 * The volume as a host leaves it that loses its power: copied while the kernel had it mounted and had written to it. Where
 * the kernel cannot mount it, `otherwise` says what is on the disk then.
 */
const mounted =
  (make: MakeVolume, otherwise: MakeVolume): MakeVolume =>
  async (path) => {
    await make(path);
    const at = `${path}.mount`;
    await mkdir(at);
    const there = await run('mount', ['-o', 'loop', path, at]).then(
      () => true,
      () => false,
    );
    if (there) {
      try {
        await writeFile(join(at, 'file'), 'written by a kernel\n');
        await run('sync', ['-f', at]);
        await copyFile(path, `${path}.copy`);
      } finally {
        await run('umount', [at]);
      }
      await rename(`${path}.copy`, path);
    } else await otherwise(path);
    await rmdir(at);
  };

const needsRecovery: MakeVolume = async (path) => {
  const [flags = 0] = (await readFile(path)).subarray(1024 + 0x60);
  await patch(path, [1024 + 0x60, String.fromCharCode(flags | 4)]);
};

/** The record of an XFS's log that says that it was unmounted, made one that does not. */
const logInUse: MakeVolume = async (path) => {
  const image = await readFile(path);
  const shift = BigInt(image.readUInt8(124));
  const start = image.readBigUInt64BE(48);
  const block = Number(start >> shift) * image.readUInt32BE(84) + Number(start & ((1n << shift) - 1n));
  await patch(path, [block * image.readUInt32BE(4) + 512 + 9, '\0']);
};

/** With the flag that Windows sets while it has the volume. */
const dirtyNtfs: MakeVolume = async (path) => {
  await makeNtfs(path, 8);
  const image = await readFile(path);
  const record =
    Number(image.readBigUInt64LE(0x30)) * image.readUInt16LE(11) * image.readUInt8(13) + 3 * 1024;
  let attribute = record + image.readUInt16LE(record + 20);
  while (image.readUInt32LE(attribute) !== 0x70) attribute += image.readUInt32LE(attribute + 4);
  await patch(path, [attribute + image.readUInt16LE(attribute + 20) + 10, '\x01']);
};

const fat16: MakeVolume = (path) => makeFat(path, ['-F', '16', '-s', '1'], 8192);

/** Volumes of every class that the gate tells apart, by what is said of them. */
export const VOLUME_CLASSES: Readonly<Record<string, MakeVolume>> = {
  'ext4, clean': ext4,
  'ext4, copied while mounted': mounted(ext4, needsRecovery),
  'ext2, left mounted': async (path) => {
    await blank(path, 8);
    await run('mkfs.ext2', ['-q', '-F', path]);
    await patch(path, [1024 + 0x3a, '\0']);
  },
  'ext4 with quota': async (path) => {
    await blank(path, 8);
    await run('mkfs.ext4', ['-q', '-F', '-O', 'quota', path]);
  },
  'ext4, with errors': async (path) => {
    await ext4(path);
    await patch(path, [1024 + 0x3a, '\x03']);
  },
  'FAT, clean': fat16,
  'FAT, left mounted': async (path) => {
    await fat16(path);
    await patch(path, [37, '\x01']);
  },
  'FAT, two tables differ': twoTables,
  'NTFS, clean': (path) => makeNtfs(path, 8),
  'NTFS, left dirty': dirtyNtfs,
  'swap, clean': async (path) => {
    await blank(path, 1);
    await run('mkswap', ['-q', path]);
  },
  LUKS1: luks('luks1', 4),
  LUKS2: luks('luks2', 18),
  BitLocker: signs([0, '\xeb\x58\x90-FVE-FS-'], [510, '\x55\xaa']),
  LVM2: (path) => writeFile(path, lvmVolume({ size: 2 * MiB, text: lvmText({ root: 8, swap: 4 }) })),
  'software RAID': async (path) => {
    await ext4(path);
    const member = await readFile(path);
    writeMd(member, { version: '1.0', level: 1, disks: 2, role: 0 });
    await writeFile(path, member);
  },
  XFS: xfs,
  'XFS, copied while mounted': mounted(xfs, logInUse),
  btrfs: async (path) => {
    await blank(path, 16);
    await run('mkfs.btrfs', ['-q', '-f', '-M', path]);
  },
  exFAT: async (path) => {
    await blank(path, 4);
    await run('mkfs.exfat', [path]);
  },
  'ISO 9660': async (path) => {
    const tree = `${path}.tree`;
    await mkdir(tree);
    await run('genisoimage', ['-quiet', '-V', 'CDROM', '-o', path, tree]);
    await rmdir(tree);
    await truncate(path, MiB);
  },
  APFS: signs([32, 'NXSB']),
  ReFS: signs([3, 'ReFS\0\0\0\0']),
  'nothing known': signs(),
};

/** Each of these makes a whole host one that may not be written. */
export const SLEEPERS: Readonly<Record<string, MakeVolume>> = {
  'swap with a hibernated Linux': async (path) => {
    await blank(path, 1);
    await run('mkswap', ['-q', path]);
    await patch(path, [4086, 'S1SUSPEND\0']);
  },
  'a logical volume with a hibernated Linux': async (path) => {
    const volume = lvmVolume({ size: 4 * MiB, text: lvmText({ root: 8, swap: 4 }) });
    volume.set(Buffer.from('S1SUSPEND'), MiB + 8 * 64 * 1024 + 16_384 - 10);
    await writeFile(path, volume);
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
