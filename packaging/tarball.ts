import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../flash/systems.ts';
import { CONFFILES } from './contents.ts';
import type { DebOptions } from './deb.ts';
import { settle } from './tree.ts';

export type TarballOptions = Omit<DebOptions, 'compression'> & { readonly work: string };

/** Writes the archive and says where. The same tree and date give the same bytes. */
export function writeTarball({ tree, files, out, arch, version, date, work }: TarballOptions): string {
  const name = `nightshift-${version}-linux-${arch}`;
  const top = join(work, name);
  mkdirSync(top);
  execFileSync('cp', ['-a', tree, join(top, 'root')]);
  execFileSync('rm', ['-rf', join(top, 'root/DEBIAN')]);
  const conffiles: readonly string[] = CONFFILES;
  const listed = files.map(({ path }) => path).filter((path) => !conffiles.includes(path));
  writeFileSync(join(top, 'files'), `${listed.join('\n')}\n`);
  writeFileSync(join(top, 'conffiles'), `${CONFFILES.join('\n')}\n`);
  copyFileSync(join(ROOT, 'packaging/content/install.sh'), join(top, 'install.sh'));
  for (const each of ['files', 'conffiles']) chmodSync(join(top, each), 0o644);
  settle(top, date);
  chmodSync(join(top, 'install.sh'), 0o755);
  const path = join(out, `${name}.tar.gz`);
  const tar = execFileSync(
    'tar',
    [
      ...['--create', '--sort=name', '--format=gnu', '--owner=root:0', '--group=root:0', '--numeric-owner'],
      ...[`--mtime=@${date}`, '--directory', work, name],
    ],
    { maxBuffer: 1024 ** 3 },
  );
  writeFileSync(path, execFileSync('gzip', ['-9n'], { input: tar, maxBuffer: 1024 ** 3 }));
  return path;
}
