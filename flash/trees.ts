import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { BoardDescription } from '../src/board/index.ts';
import { bundleOf } from './bundle.ts';
import { DebianFiles } from './debian-files.ts';
import { type NpmPackage, neededPackages } from './npm-packages.ts';
import { type BoardSystem, ROOT } from './systems.ts';

/** What Node and its native parts load beside the libraries that Node's own file names. */
const LIBRARIES = ['libresolv.so.2', 'libnss_dns.so.2', 'libnss_files.so.2', 'librt.so.1', 'libatomic.so.1'];
/**
 * What writes to a host's disk: the programs of src/adapters/{e2fsprogs,mtools,ntfs-3g}/programs.ts, and those by which
 * src/adapters/volume-tools shows them a volume and confines them.
 */
const HOST_DISK_PROGRAMS = [
  'nbdfuse',
  'fusermount3',
  'bwrap',
  'setpriv',
  'prlimit',
  'unshare',
  'chroot',
  'debugfs',
  'e2fsck',
  'mtools',
  'fsck.fat',
  'ntfs-3g',
  'ntfsfallocate',
  'ntfsfix',
  'ntfsresize',
  'setfattr',
  'mountpoint',
];
const APPLETS = [
  'sh',
  'mount',
  'umount',
  'date',
  'echo',
  'hostname',
  'ip',
  'udhcpc',
  'setsid',
  'cttyhack',
  'sleep',
  'reboot',
  'ls',
  'cat',
  'dmesg',
  'sed',
  'ps',
  'kill',
  // For the shell script that changes an NTFS.
  'true',
  'cp',
  'dd',
  'ln',
  'mkdir',
  'mv',
  'rm',
  'rmdir',
  'touch',
  'truncate',
];
const MOUNT_POINTS = [
  'proc',
  'sys',
  'dev',
  'run',
  'tmp',
  'state',
  'opt/nightshift',
  'etc',
  'bin',
  'sbin',
  'usr/bin',
  'lib',
];

/** What the agent stands on: libraries, Node, busybox, programs for hosts' disks, and the first program. Says of which packages. */
export function writeBase(directory: string, system: BoardSystem): string[] {
  for (const path of MOUNT_POINTS) mkdirSync(join(directory, path), { recursive: true });
  const debian = new DebianFiles(system, directory);
  for (const name of LIBRARIES) debian.library(name);
  for (const name of HOST_DISK_PROGRAMS) debian.program(name);
  for (const path of characterSets(system)) debian.data(path);
  debian.linkedWith(join(system.directory, 'node'));
  // Its tables of symbols take a seventh of it, and nobody debugs it there.
  execFileSync(`${system.triplet}-strip`, [
    '-o',
    join(directory, 'usr/bin/node'),
    join(system.directory, 'node'),
  ]);
  copyFileSync(join(system.directory, 'busybox'), join(directory, 'bin/busybox'));
  linkApplets(join(directory, 'bin'));
  for (const [name, to] of [
    ['start', 'sbin/start'],
    ['lease', 'sbin/lease'],
  ] as const) {
    copyFileSync(join(ROOT, 'flash/initramfs', name), join(directory, to));
    chmodSync(join(directory, to), 0o755);
  }
  for (const path of ['usr/bin/node', 'bin/busybox']) chmodSync(join(directory, path), 0o755);
  writeFileSync(join(directory, 'etc/passwd'), 'root:x:0:0:root:/state:/bin/sh\n');
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\n');
  writeFileSync(join(directory, 'etc/nsswitch.conf'), 'passwd: files\nhosts: files dns\n');
  writeFileSync(join(directory, 'etc/hosts'), '127.0.0.1 localhost\n');
  symlinkSync('../run/resolv.conf', join(directory, 'etc/resolv.conf'));
  return debian.packages();
}

/** Names of what busybox does, for those who call it; it has them one after another, with zeros between. */
function linkApplets(directory: string): void {
  const busybox = readFileSync(join(directory, 'busybox'));
  for (const applet of APPLETS) {
    if (!busybox.includes(`\0${applet}\0`)) throw new Error(`the board's busybox has no ${applet}`);
    symlinkSync('busybox', join(directory, applet));
  }
}

/** Names on FAT are in UTF-16 and in a code page (437 to mtools, 850 to fsck.fat), and in UTF-8 for us. */
const characterSets = ({ triplet }: BoardSystem): string[] => [
  'usr/lib/locale/C.utf8',
  ...['gconv-modules.cache', 'IBM437.so', 'IBM850.so'].map((name) => `usr/lib/${triplet}/gconv/${name}`),
];

/** In the agent's tree: what comes into the state at the first start. */
export const FACTORY = 'factory';

/** The agent: its bundle with what it loads, its native parts for this processor, and the board. Says which packages are in it. */
export function writeApp(directory: string, board: BoardDescription, system: BoardSystem): NpmPackage[] {
  mkdirSync(join(directory, 'dist'), { recursive: true });
  for (const [name, text] of bundleOf(['nightshift-agent']))
    writeFileSync(join(directory, 'dist', name), text);
  cpSync(join(ROOT, 'boards', board.name), join(directory, 'boards', board.name), { recursive: true });
  copyFileSync(join(ROOT, 'LICENSE'), join(directory, 'LICENSE'));
  const packages = neededPackages(['serialport', 'koffi'], system, board.processor?.neon === true);
  for (const { name, files } of packages) {
    for (const { from, to } of files) {
      const path = join(directory, 'node_modules', name, to);
      mkdirSync(dirname(path), { recursive: true });
      copyFileSync(from, path);
    }
  }
  return packages;
}

/** A tree as squashfs: the same tree and date give the same bytes. */
export function squash(tree: string, to: string, { compression, date }: SquashOptions): void {
  setModes(tree, 0o777);
  const filter = compression === 'xz' ? ['-Xbcj', 'arm'] : [];
  const block = compression === 'xz' ? ['-b', '256K'] : ['-b', '128K'];
  execFileSync(
    'mksquashfs',
    [
      tree,
      to,
      '-noappend',
      '-all-root',
      '-no-xattrs',
      '-quiet',
      '-no-progress',
      '-mkfs-time',
      `${date}`,
      '-all-time',
      `${date}`,
      '-comp',
      compression,
      ...block,
      ...filter,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
  );
}

/**
 * Nothing of who packs, and by which umask, is in an image: files can be read by all, and run where their owner could run
 * them. What is for the first start may hold secrets.
 */
function setModes(tree: string, most: number): void {
  chmodSync(tree, 0o755 & most);
  for (const entry of readdirSync(tree, { withFileTypes: true })) {
    const path = join(tree, entry.name);
    if (entry.isDirectory()) setModes(path, isFactory(tree, entry.name) ? 0o700 : most);
    else if (entry.isFile()) chmodSync(path, ((statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755) & most);
  }
}

const isFactory = (tree: string, name: string): boolean =>
  name === FACTORY && existsSync(join(tree, 'firmware.json'));

export type Compression = 'xz' | 'zstd' | 'lz4';

interface SquashOptions {
  readonly compression: Compression;
  /** Seconds since 1970. */
  readonly date: number;
}
