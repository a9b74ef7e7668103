import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, NsError, seconds, sentenceOf } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { boundToUs, CLEAN_ENV, isRoot } from './environment.ts';
import { endLeftOvers } from './left-over-tools.ts';
import { runTool } from './run-tool.ts';

const PREFIX = 'nightshift-path-';
const MOUNT_DEADLINE = seconds(10);
const UNMOUNT_DEADLINE = seconds(5);
/** What a root's nbdfuse needs of its rights. Another user's mounts through the setuid fusermount3, and so may gain some. */
const MOUNTING = [
  '--no-new-privs',
  '--bounding-set=-all,+sys_admin,+dac_override,+dac_read_search',
  '--inh-caps=-all',
];
const POLL = milliseconds(5);

/**
 * Lends a block device to programs as a file path: our NBD export of it, mounted by nbdfuse in a private directory
 * under `directory`. The path is good until `use` ends; nothing of it is left after that, whatever happened.
 */
export async function withDevicePath<T>(
  directory: string,
  device: BlockDevice,
  signal: AbortSignal,
  use: (path: string, room: string) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const room = await mkdtemp(join(directory, `${PREFIX}${process.pid}-`));
  try {
    const mount = join(room, 'mount');
    await mkdir(mount, { mode: 0o700 });
    const socketPath = join(room, 'socket');
    const { serveNbd } = await import('../nbd/nbd-server.ts');
    const server = await serveNbd(device, { socketPath });
    try {
      const child = startNbdfuse(mount, socketPath, device.capabilities.writable);
      try {
        const path = join(mount, 'nbd');
        await child.until(path, signal);
        return await use(path, room);
      } finally {
        await child.end(mount);
      }
    } finally {
      await server.close();
    }
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

/** Ends, unmounts and removes what processes that are gone have left in the directory, as far as it can be removed. */
export async function removeStalePaths(directory: string): Promise<void> {
  const stale = (await readdir(directory)).filter((name) => {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
    return Number.isSafeInteger(pid) && !isAlive(pid);
  });
  await endLeftOvers(stale.map((name) => join(directory, name)));
  for (const name of stale) {
    await unmount(join(directory, name, 'mount'), true);
    // What is still busy, or being removed by another agent, keeps nobody from work: the next start tries again.
    await rm(join(directory, name), { recursive: true, force: true }).catch(() => {});
  }
}

function startNbdfuse(mount: string, socketPath: string, writable: boolean): Nbdfuse {
  const uri = `nbd+unix:///?socket=${encodeURIComponent(socketPath).replaceAll('%2F', '/')}`;
  // A tool of another user sees it, in its sandbox; to all others the directory is closed.
  const shared = isRoot() ? ['-o', 'allow_other'] : [];
  const args = [...(writable ? [] : ['-r']), ...shared, join(mount, 'nbd'), uri];
  const [command, all] = boundToUs('nbdfuse', args, 'TERM', isRoot() ? MOUNTING : []);
  return new Nbdfuse(spawn(command, all, { env: CLEAN_ENV, stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' }));
}

class Nbdfuse {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #over = false;
  #said = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding('utf8');
    child.stderr?.on('data', (text: string) => {
      this.#said = (this.#said + text).slice(0, 2000);
    });
    this.#ended = new Promise((resolve) => {
      const over = (): void => {
        this.#over = true;
        resolve();
      };
      child.on('close', over);
      child.on('error', (error) => {
        this.#said = error.message;
        over();
      });
    });
  }

  /** Waits for the path to show. */
  async until(path: string, signal: AbortSignal): Promise<void> {
    for (let waited = 0; waited < MOUNT_DEADLINE; waited += POLL) {
      signal.throwIfAborted();
      if (this.#over) break;
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined) return;
      await sleep(POLL);
    }
    throw new NsError('NS_TOOL_FAILED', `nbdfuse did not mount: ${this.#said.trim() || 'no reason given'}`);
  }

  /** Unmounts and waits for the process; kills it where it does not go by itself. */
  async end(mount: string): Promise<void> {
    if (!this.#over) await unmount(mount, false);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), UNMOUNT_DEADLINE);
    await this.#ended;
    clearTimeout(timer);
    // Killed, it leaves a dead mount behind.
    if (!(await isDeadMount(mount))) return;
    const why = await unmount(mount, true);
    if (await isDeadMount(mount)) {
      throw new NsError('NS_TOOL_FAILED', `fusermount3 cannot unmount: ${why || 'no reason given'}`);
    }
  }
}

/** What the tool had to say, empty where it was content. */
async function unmount(mount: string, lazy: boolean): Promise<string> {
  const args = lazy ? ['-u', '-z', mount] : ['-u', mount];
  const signal = new AbortController().signal;
  try {
    const { stderr } = await runTool({ tool: 'fusermount3', args, deadline: UNMOUNT_DEADLINE, signal });
    return stderr.trim().slice(0, 500);
  } catch (error) {
    return sentenceOf(error);
  }
}

/** A mount whose program is gone answers to nothing. */
async function isDeadMount(mount: string): Promise<boolean> {
  return await stat(mount).then(
    (found) => !found.isDirectory(),
    (error: NodeJS.ErrnoException) => error.code === 'ENOTCONN',
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
