import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { run } from './disk-tools.ts';
import { eventually } from './eventually.ts';

/** Makes an empty NTFS volume named "Windows". */
export async function makeNtfs(path: string, mib: number, options: readonly string[] = []): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, '');
  await truncate(path, mib * 1024 * 1024);
  await run('mkntfs', ['-q', '-F', '-f', '-L', 'Windows', ...options, path]);
}

/** Mounts the volume by ntfs-3g for as long as `use` takes: another's writer, to be read by ours. */
export async function withNtfs3g(
  image: string,
  at: string,
  use: (root: string) => Promise<void>,
  more = 'compression,special_files=wsl,streams_interface=none',
): Promise<void> {
  await mkdir(at, { recursive: true });
  const options = `no_detach,${more}`;
  const mount = spawn('ntfs-3g', ['-o', options, image, at], { stdio: 'ignore' });
  const ended = once(mount, 'exit');
  const mounted = async () => (await run('stat', ['-f', '-c', '%T', at])).includes('fuse');
  try {
    await eventually(mounted);
    await use(at);
  } finally {
    await run('fusermount3', ['-u', at]).catch(() => mount.kill('SIGKILL'));
    await ended;
  }
}
