import type { Server } from 'node:net';
import { removeLeftOverSocket } from './left-over-socket.ts';

/**
 * Listens on a unix socket that has mode 0600 from its first moment, in the place of one that a killed process left.
 * Rejects with NS_SOCKET_PATH where that is taken (left-over-socket.ts), else with what the system says.
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  await removeLeftOverSocket(path);
  await new Promise<void>((resolve, reject) => {
    // Stays: later errors are of connections that could not be accepted, and end nothing else.
    server.on('error', reject);
    // The socket is made within the call, so that nothing else is made under this mask.
    const mask = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(mask);
    }
  });
}
