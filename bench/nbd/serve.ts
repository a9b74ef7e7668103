import { openFileDevice } from '../../src/adapters/file-device.ts';
import { serveNbd } from '../../src/adapters/nbd/nbd-server.ts';

/** Our server on one file, in a process of its own: serve.mjs FILE SOCKET. */
const [file, socketPath] = process.argv.slice(2) as [string, string];
const device = await openFileDevice(file, { name: 'disk0', writable: true, adaptive: true });
await serveNbd(device, { socketPath, wakeful: true });
