import { join } from 'node:path';
import { type NbdServer, type NbdServerOptions, serveNbd } from '../../src/adapters/nbd/nbd-server.ts';
import type { BlockDevice } from '../../src/ports/index.ts';

let count = 0;

/** Serves the device as "disk0" on a socket of its own in this directory. */
export async function serveDisk(
  directory: string,
  device: BlockDevice,
  options: NbdServerOptions = {},
): Promise<{ server: NbdServer; socketPath: string; uri: string }> {
  count += 1;
  const socketPath = join(directory, `socket-${count}`);
  const server = await serveNbd(device, { socketPath, exportName: 'disk0', ...options });
  return { server, socketPath, uri: `nbd+unix:///disk0?socket=${socketPath}` };
}
