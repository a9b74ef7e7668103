import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface Relay {
  readonly port: number;
  /** Datagrams since the last call: to the BMC, and from it. */
  take(): { readonly asked: number; readonly answered: number };
  close(): void;
}

/** Between one client at a time and a BMC on the loopback, counting. */
export async function countingRelay(bmc: number): Promise<Relay> {
  const socket = createSocket('udp4');
  let counts = { asked: 0, answered: 0 };
  let client = 0;
  socket.on('message', (bytes, from) => {
    const fromBmc = from.port === bmc;
    if (fromBmc) counts.answered += 1;
    else {
      counts.asked += 1;
      client = from.port;
    }
    socket.send(bytes, fromBmc ? client : bmc, '127.0.0.1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    take: () => {
      const taken = counts;
      counts = { asked: 0, answered: 0 };
      return taken;
    },
    close: () => void socket.close(),
  };
}

/** Somebody who hears, and says nothing. */
export async function silentPort(): Promise<{ readonly port: number; close(): void }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, close: () => void socket.close() };
}
