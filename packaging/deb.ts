import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../flash/systems.ts';
import { CONFFILES, MAINTAINER } from './contents.ts';
import type { Arch } from './node-binary.ts';
import { type PackedFile, settle } from './tree.ts';

export type DebCompression = 'xz' | 'zstd' | 'gzip' | 'none';

export interface DebOptions {
  readonly tree: string;
  readonly files: readonly PackedFile[];
  readonly out: string;
  readonly arch: Arch;
  readonly version: string;
  /** Seconds since 1970. */
  readonly date: number;
  readonly compression: DebCompression;
}

const SCRIPTS = ['postinst', 'prerm', 'postrm'] as const;

/** By the newest symbols that each Node asks for: GLIBC_2.28, GLIBCXX_3.4.21 (GCC 6), on 32 bit ARM 3.4.26 (GCC 9). */
export const LIBRARIES: Readonly<Record<Arch, readonly string[]>> = {
  amd64: ['libc6 (>= 2.28)', 'libstdc++6 (>= 6)', 'libgcc-s1 (>= 3.4)'],
  arm64: ['libc6 (>= 2.28)', 'libstdc++6 (>= 6)', 'libgcc-s1 (>= 3.4)'],
  armhf: ['libc6 (>= 2.28)', 'libstdc++6 (>= 9)', 'libgcc-s1 (>= 3.4)', 'libatomic1 (>= 4.8)'],
};

/** Writes the package and says where. The same tree and date give the same bytes. */
export function writeDeb({ tree, files, out, arch, version, date, compression }: DebOptions): string {
  const control = join(tree, 'DEBIAN');
  mkdirSync(control);
  writeFileSync(join(control, 'control'), controlText(arch, version, installedKib(tree, files)));
  writeFileSync(join(control, 'conffiles'), CONFFILES.map((path) => `/${path}\n`).join(''));
  writeFileSync(join(control, 'md5sums'), checksums(tree, files));
  for (const name of SCRIPTS)
    writeFileSync(join(control, name), readFileSync(join(ROOT, 'packaging/content', name)));
  settle(control, date);
  for (const name of ['control', 'conffiles', 'md5sums']) chmodSync(join(control, name), 0o644);
  for (const name of SCRIPTS) chmodSync(join(control, name), 0o755);
  const path = join(out, `nightshift_${version}_${arch}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', tree, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(date) },
  });
  return path;
}

function controlText(arch: Arch, version: string, kib: number): string {
  return `${[
    'Package: nightshift',
    `Version: ${version}`,
    `Architecture: ${arch}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${kib}`,
    `Depends: ${[...LIBRARIES[arch], 'systemd (>= 247)', 'passwd'].join(', ')}`,
    'Recommends: bubblewrap, libnbd-bin, fuse3, e2fsprogs, mtools, dosfstools, ntfs-3g',
    'Suggests: sg3-utils, mosquitto',
    'Section: admin',
    'Priority: optional',
    'Description: out-of-band management of hosts that are switched off',
    ' The agent runs beside a host, on its management controller, a small computer or',
    ' a PC, and takes signed orders over MQTT: it reads and writes files on the disks',
    ' of the host while that is switched off, and never switches it on.',
    ' .',
    ' With it come the command of its operators, the program of its chain of drives,',
    ' and the version of Node that all of them run on.',
  ].join('\n')}\n`;
}

/** As Debian counts it: files by whole KiB, and one for everything else. */
function installedKib(tree: string, files: readonly PackedFile[]): number {
  return files.reduce((sum, { path }) => {
    const facts = lstatSync(join(tree, path));
    return sum + (facts.isFile() ? Math.ceil(facts.size / 1024) : 1);
  }, 0);
}

function checksums(tree: string, files: readonly PackedFile[]): string {
  const conffiles: readonly string[] = CONFFILES;
  return files
    .filter(({ path, is }) => !('linkTo' in is) && !conffiles.includes(path))
    .map(({ path }) => {
      const sum = createHash('md5')
        .update(readFileSync(join(tree, path)))
        .digest('hex');
      return `${sum}  ${path}\n`;
    })
    .join('');
}
