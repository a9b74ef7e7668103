import { chmod } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { type Export, shakeHands } from './handshake.ts';
import { SocketStream } from './socket-stream.ts';
import { serveRequests } from './transmission.ts';
import { EXPORT_FLAG } from './wire.ts';

export interface NbdServerOptions {
  /** A path where nothing is yet, in a directory that only we may enter. At most 107 bytes. */
  readonly socketPath: string;
  /** By default the empty name. */
  readonly exportName?: string;
}

export interface NbdServer {
  /** Cuts every connection and removes the socket. Requests under way are aborted and waited for. */
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 16;
const HANDSHAKE_MILLISECONDS = 10_000;

/** Offers one block device as an NBD export on a unix socket (fixed newstyle, simple replies). */
export async function serveNbd(device: BlockDevice, options: NbdServerOptions): Promise<NbdServer> {
  const { size, writable, trim } = device.capabilities;
  const flags =
    EXPORT_FLAG.hasFlags |
    EXPORT_FLAG.flush |
    EXPORT_FLAG.fua |
    (writable ? 0 : EXPORT_FLAG.readOnly) |
    (trim && writable ? EXPORT_FLAG.trim : 0);
  const offered: Export = { name: options.exportName ?? '', size, flags };
  const stop = new AbortController();
  const connections = new Map<Socket, Promise<void>>();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    connections.set(socket, converse(socket, device, offered, stop.signal));
    socket.once('close', () => connections.delete(socket));
  });
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NsError('NS_NBD_LISTEN', `cannot listen at ${options.socketPath}`, { cause }));
    });
    server.listen(options.socketPath, resolve);
  });
  await chmod(options.socketPath, 0o600);
  return {
    async close() {
      stop.abort(new NsError('NS_NBD_CLOSED', `the export of ${device.name} was closed`));
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      for (const socket of connections.keys()) socket.destroy();
      await Promise.all(connections.values());
      await closed;
    },
  };
}

async function converse(
  socket: Socket,
  device: BlockDevice,
  offered: Export,
  signal: AbortSignal,
): Promise<void> {
  const stream = new SocketStream(socket);
  try {
    // Ends a client that connects and says nothing; once it chose the export it may be idle as long as it likes.
    socket.setTimeout(HANDSHAKE_MILLISECONDS, () => socket.destroy());
    const agreed = await shakeHands(stream, offered);
    socket.setTimeout(0);
    if (agreed) await serveRequests(stream, device, signal);
  } catch {
    // Whatever a client made us trip over, the others and the program go on.
  } finally {
    // What was sent still reaches the peer: end() flushes, and the peer's own end or the time-out closes the rest.
    socket.end();
    socket.setTimeout(1000, () => socket.destroy());
    socket.resume();
  }
}
