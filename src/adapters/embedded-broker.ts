import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { NsError } from '../base/index.ts';

export interface EmbeddedBroker {
  /** "mqtt://127.0.0.1:PORT". */
  readonly url: string;
  close(): Promise<void>;
}

export interface EmbeddedBrokerOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
}

/** Messages kept for one client that does not read, in the broker's memory. */
const QUEUE_LIMIT = 1000;

/**
 * A broker inside this process for a first try and for tests: loopback only, MQTT 3.1.1, nothing kept after close, no
 * access control. A site wants a real one.
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await Aedes.createBroker({ queueLimit: QUEUE_LIMIT });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  const close = async (): Promise<void> => {
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: options.port ?? 0 }, () => resolve());
    });
  } catch (cause) {
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    throw new NsError('NS_BROKER_START', `the embedded broker cannot listen on port ${options.port ?? 0}`, {
      cause,
    });
  }
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new NsError('NS_INTERNAL', 'a TCP server without a port', { family: 'bug' });
  }
  return { url: `mqtt://127.0.0.1:${address.port}`, close };
}
