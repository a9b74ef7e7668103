import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { access, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { eventually } from './eventually.ts';

/** Bytes on either side of the socket that wait in it: of the order of what a UART and its driver hold. */
const WAITING = 1024;

/** A pseudo terminal at a path, and its other side as a socket of this process. */
export interface PtyEnd {
  readonly socket: Socket;
  /** The terminal is gone, and whoever has it open is hung up on. */
  hangUp(): Promise<void>;
}

export async function openPty(path: string): Promise<PtyEnd> {
  const socketPath = `${path}.sock`;
  const server = createServer({ highWaterMark: WAITING });
  server.listen(socketPath);
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const socat = spawn(
    'socat',
    ['-b', String(WAITING), `pty,raw,echo=0,link=${path}`, `unix-connect:${socketPath},sndbuf=${WAITING}`],
    { stdio: 'ignore' },
  );
  const ended = once(socat, 'close');
  const [socket] = await connected;
  server.close();
  socket.on('error', () => undefined);
  await eventually(() =>
    access(path).then(
      () => true,
      () => false,
    ),
  );
  // A pseudo terminal ends when nobody has it open any more; a real line does not.
  const held = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  return {
    socket,
    hangUp: async () => {
      socat.kill('SIGKILL');
      await ended;
      socket.destroy();
      closeSync(held);
      await rm(path, { force: true });
    },
  };
}
