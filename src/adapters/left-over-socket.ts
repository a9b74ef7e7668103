import { lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { NsError } from '../base/index.ts';

/**
 * Removes a unix socket that a process left when it was killed, so that another may listen there. NS_SOCKET_PATH where
 * somebody still listens, or where something else lies there: neither is ours to remove.
 */
export async function removeLeftOverSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket())
    throw new NsError('NS_SOCKET_PATH', `${path} is there and no socket`, { family: 'caller' });
  if (await isListening(path))
    throw new NsError('NS_SOCKET_PATH', `somebody listens at ${path} already`, { family: 'caller' });
  await rm(path, { force: true });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
