import { readdir, readFile } from 'node:fs/promises';
import { SANDBOX_MARK } from './sandbox.ts';

interface Process {
  readonly pid: number;
  readonly command: string;
}

/**
 * The system binds a tool to the agent only once its sandbox stands: an agent that dies in that very moment leaves
 * something behind. Ends sandboxes of ours, whichever agent made them, that nobody watches any more; and programs that
 * were started with a path in one of these directories, which are of agents that are gone.
 */
export async function endLeftOvers(directories: readonly string[]): Promise<void> {
  const mark = SANDBOX_MARK.join('\0');
  for (const found of await processes()) {
    const strays = directories.some((directory) => found.command.includes(`${directory}/`));
    if (strays || (found.command.includes(mark) && (await isUnwatched(found.pid, mark)))) end(found.pid);
  }
}

/** The first process of a sandbox, whose parent is not the one that made it. */
async function isUnwatched(pid: number, mark: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const isFirst = /^NSpid:.*\s1$/m.test(status);
  const parent = /^PPid:\s*(\d+)$/m.exec(status)?.[1];
  return isFirst && parent !== undefined && !(await commandOf(parent)).includes(mark);
}

async function processes(): Promise<Process[]> {
  const found: Process[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (Number.isSafeInteger(pid) && pid !== process.pid) found.push({ pid, command: await commandOf(name) });
  }
  return found;
}

/** Its words, divided by NUL; empty where it is gone, or of the kernel. */
function commandOf(pid: string): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, or is not ours to end.
  }
}
