import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** Bytes that may wait in the kernel, its own bookkeeping among them: two or three blocks of sz, as in the driver of a UART. */
const WAITING = 1024;

/** A program whose standard input and output are a line with little room: what it writes waits until the line has taken it. */
export interface ProgramEnd {
  readonly socket: Socket;
  /** Its exit status, and all that it has written was read. */
  readonly ended: Promise<number | null>;
}

/** Runs it in a directory that nobody else has a file "line.sock" in. */
export async function openProgram(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<ProgramEnd> {
  const path = join(cwd, 'line.sock');
  // The program itself has the socket: neither a pipe nor a pseudo terminal is between, which hold seconds of a slow line.
  const child = spawn(
    'socat',
    [
      `UNIX-LISTEN:${path},unlink-early,sndbuf-late=${WAITING}`,
      `EXEC:${[program, ...args].join(' ')},nofork`,
    ],
    { cwd, stdio: 'ignore' },
  );
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const options = { path, highWaterMark: 64 };
  let socket: Socket | undefined;
  await eventually(async () => {
    socket = connect(options);
    return once(socket, 'connect').then(
      () => true,
      () => false,
    );
  });
  const line = socket!;
  line.on('error', () => undefined);
  const read = once(line, 'end').catch(() => undefined);
  return { socket: line, ended: Promise.all([exited, read]).then(([[code]]) => code) };
}
