import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { NsError } from '../base/index.ts';

/**
 * Holds a directory for this process alone until it ends or releases it. The mark is a name in the kernel's abstract
 * socket namespace: it goes with the process, however that ends, and leaves nothing that could be stale. Throws
 * NS_STATE_IN_USE where another process holds the directory.
 */
export async function holdAlone(directory: string): Promise<() => Promise<void>> {
  const digest = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const sentence = taken
        ? `${directory} is in use by another agent`
        : `${directory} cannot be held: ${cause.message}`;
      reject(
        new NsError(taken ? 'NS_STATE_IN_USE' : 'NS_STATE_IO', sentence, {
          family: taken ? 'caller' : 'world',
          cause,
        }),
      );
    });
    server.listen(`\0nightshift-state-${digest.slice(0, 32)}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
