import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface NbdPeer {
  readonly socketPath: string;
  readonly uri: string;
  readonly process: ChildProcess;
  close(): Promise<void>;
}

export type PeerProgram = 'nbdkit' | 'qemu-nbd';

let count = 0;

/** Another NBD server on one file, on a socket in this directory. */
export async function startPeer(
  program: PeerProgram,
  directory: string,
  file: string,
  more: readonly string[] = [],
): Promise<NbdPeer> {
  count += 1;
  const socketPath = join(directory, `peer-${count}`);
  const args =
    program === 'nbdkit'
      ? ['-f', '-U', socketPath, ...more, 'file', file]
      : ['-t', '-f', 'raw', '-k', socketPath, '--cache=writeback', '-e', '8', ...more, file];
  const child = spawn(program, args, { stdio: 'ignore' });
  const end = performance.now() + 30_000;
  while (!(await answers(socketPath))) {
    if (child.exitCode !== null || performance.now() > end) throw new Error(`${program} does not listen`);
    await sleep(20);
  }
  return {
    socketPath,
    uri: `nbd+unix:///?socket=${socketPath}`,
    process: child,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const over = once(child, 'exit');
      child.kill('SIGKILL');
      await over;
    },
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
