import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const DEADLINE_MS = 120_000;

/** Packs for this machine's kind; a stand-in that starts the tests' own Node keeps it small. */
export async function packSidecar(
  out: string,
  kinds: readonly ('--deb' | '--tarball')[],
  arch: string,
  umask = '022',
): Promise<void> {
  await mkdir(out, { recursive: true });
  const node = join(out, 'node');
  await writeFile(node, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  await execute(
    'sh',
    [
      ...['-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, '--import=tsx', 'packaging/package.ts'],
      ...[...kinds, '--arch', arch, '--compression', 'none', '--node', node, '--out', out],
    ],
    { timeout: DEADLINE_MS, env: { ...process.env, SOURCE_DATE_EPOCH: '1795219200' } },
  );
}

/** Runs a command as root of a user namespace, for what wants to give files away: standard output and error together. */
export async function asNamespaceRoot(command: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await execute(
    'bwrap',
    [
      ...['--unshare-user', '--uid', '0', '--gid', '0', '--die-with-parent', '--dev-bind', '/', '/'],
      ...['--', command, ...args],
    ],
    {
      timeout: DEADLINE_MS,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
    },
  );
  return stdout + stderr;
}
