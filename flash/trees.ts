import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { BoardDescription } from '../src/board/index.ts';
import { type NpmPackage, neededPackages } from './npm-packages.ts';
import { type BoardSystem, ROOT } from './systems.ts';

/** Of Debian's C and C++ libraries, what Node and its native parts are linked with. */
const LIBRARIES = [
  'libc.so.6',
  'libm.so.6',
  'libdl.so.2',
  'libpthread.so.0',
  'librt.so.1',
  'libresolv.so.2',
  'libnss_dns.so.2',
  'libnss_files.so.2',
  'libstdc++.so.6',
  'libgcc_s.so.1',
  'libatomic.so.1',
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
  'rx',
  'sed',
  'ps',
  'kill',
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

/** What the agent stands on: libraries, Node, busybox, and the first program. */
export function writeBase(directory: string, system: BoardSystem): void {
  for (const path of MOUNT_POINTS) mkdirSync(join(directory, path), { recursive: true });
  const from = join(system.directory, 'libraries');
  const library = join('lib', system.triplet);
  mkdirSync(join(directory, library), { recursive: true });
  for (const name of LIBRARIES) {
    const path = [join(from, library, name), join(from, 'usr', library, name)].find((each) =>
      existsSync(each),
    );
    if (path === undefined) throw new Error(`${name} is not among the libraries for ${system.arch}`);
    copyFileSync(path, join(directory, library, name));
  }
  const loader = readdirSync(join(from, 'lib')).find((name) => name.startsWith('ld-linux'));
  if (loader === undefined) throw new Error(`there is no dynamic loader for ${system.arch}`);
  copyFileSync(join(from, 'lib', loader), join(directory, 'lib', loader));
  chmodSync(join(directory, 'lib', loader), 0o755);
  // Its tables of symbols take a seventh of it, and nobody debugs it there.
  execFileSync(`${system.triplet}-strip`, [
    '-o',
    join(directory, 'usr/bin/node'),
    join(system.directory, 'node'),
  ]);
  copyFileSync(join(system.directory, 'busybox'), join(directory, 'bin/busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(directory, 'bin', applet));
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
}

/** The agent: its bundle with what it loads, its native parts for this processor, and the board. Says which packages are in it. */
export function writeApp(directory: string, board: BoardDescription, system: BoardSystem): NpmPackage[] {
  mkdirSync(join(directory, 'dist'), { recursive: true });
  for (const name of bundleOf('nightshift-agent.mjs'))
    copyFileSync(join(ROOT, 'dist', name), join(directory, 'dist', name));
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

/** A program of dist/ and everything that it may load from there. */
function bundleOf(entry: string): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const text = readFileSync(join(ROOT, 'dist', name), 'utf8');
    for (const [, next] of text.matchAll(/["']\.\/(nightshift-agent[a-z0-9._-]*\.mjs)["']/g))
      if (next !== undefined) add(next);
  };
  add(entry);
  return [...found].sort();
}

/** A tree as squashfs: the same tree and date give the same bytes. */
export function squash(tree: string, to: string, { compression, date }: SquashOptions): void {
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

export type Compression = 'xz' | 'zstd' | 'lz4';

interface SquashOptions {
  readonly compression: Compression;
  /** Seconds since 1970. */
  readonly date: number;
}
