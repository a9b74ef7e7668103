import { execFile } from 'node:child_process';
import { dirname } from 'node:path';

const DEADLINE_MS = 30_000;
const MOST_OUTPUT = 4 * 1024 * 1024;

type Told = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/**
 * Runs a program of this machine in the directory of a file, to its end. `from` is Debian's package of it, to be named where it
 * is missing.
 */
export function runBeside(
  program: string,
  args: readonly string[],
  path: string,
  from: string,
  input = '',
): Promise<Told> {
  const options = {
    cwd: dirname(path),
    timeout: DEADLINE_MS,
    maxBuffer: MOST_OUTPUT,
    // Where programs that make filesystems are, which not everybody's PATH has.
    env: { PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' },
  };
  return new Promise((resolve) => {
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve({ ok: true, text: stdout });
      const missing =
        error.code === 'ENOENT' ? `${program} is not here (Debian's package ${from} has it)` : '';
      resolve({ ok: false, why: missing || stderr.trim().split('\n')[0] || `${program} failed` });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
