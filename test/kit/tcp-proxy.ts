import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly url: string;
  /** Connections taken since the start. */
  readonly connections: () => number;
  /** Breaks every connection now, without a word. */
  cut(): void;
  /** While closed, each new connection is broken as soon as it is there. */
  open(open: boolean): void;
  close(): Promise<void>;
}

export interface TcpProxyOptions {
  /** Looks at the first bytes of a connection; false breaks it before anything passes. */
  readonly admits?: (first: Buffer) => boolean;
}

/** A loopback port that leads to another one, and can be broken. */
export async function startTcpProxy(port: number, options: TcpProxyOptions = {}): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  let count = 0;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    count += 1;
    keep(near);
    if (!isOpen) {
      near.destroy();
      return;
    }
    near.once('data', (first: Buffer) => {
      if (options.admits?.(first) === false) {
        near.destroy();
        return;
      }
      const far = connect(port, '127.0.0.1');
      keep(far);
      far.on('close', () => near.destroy());
      near.on('close', () => far.destroy());
      far.write(first);
      near.pipe(far);
      far.pipe(near);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    connections: () => count,
    cut,
    open: (open) => {
      isOpen = open;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
