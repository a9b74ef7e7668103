import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { NsError, sentenceOf } from '../base/index.ts';
import type { DatagramPeer, DatagramServer, Stop } from '../ports/index.ts';

export interface RmcpAddress {
  /** An address of this machine in digits; "0.0.0.0" or "::" for all of them. */
  readonly host: string;
  /** 623 is RMCP's own; 0 for any that is free. */
  readonly port: number;
}

/** What may wait for the network to take it. */
const MOST_QUEUED = 256 * 1024;

/** A UDP socket that hears everybody. NS_DATAGRAM where the address is not to be had. */
export async function openRmcpServer({ host, port }: RmcpAddress): Promise<DatagramServer> {
  const family = isIP(host);
  if (family === 0) throw impossible(host, port, new Error('not an address in digits'));
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Peers are addresses in digits already: nothing to look up, and no turn of the loop spent on it.
    lookup: (address, _options, done) => done(null, address, family),
  });
  try {
    await bound(socket, host, port);
  } catch (error) {
    await closed(socket);
    throw impossible(host, port, error);
  }
  // An error of a socket of no peer belongs to a datagram that got lost.
  socket.on('error', () => {});
  return new UdpServer(socket);
}

class UdpServer implements DatagramServer {
  readonly local: DatagramPeer;
  readonly #socket: Socket;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.local = { address, port };
  }

  send({ address, port }: DatagramPeer, bytes: Uint8Array): void {
    if (this.#closing !== undefined || this.#socket.getSendQueueSize() > MOST_QUEUED) return;
    // A forged datagram may claim port 0, where nobody is.
    if (port !== 0) this.#socket.send(bytes, port, address, lost);
  }

  onMessage(listener: (bytes: Uint8Array, peer: DatagramPeer) => void): Stop {
    this.#socket.on('message', listener);
    return () => {
      this.#socket.off('message', listener);
    };
  }

  close(): Promise<void> {
    this.#closing ??= closed(this.#socket);
    return this.#closing;
  }
}

const lost = (): void => {};

function bound(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));

const impossible = (host: string, port: number, error: unknown): NsError =>
  new NsError('NS_DATAGRAM', `no RMCP socket on ${host} port ${port}: ${sentenceOf(error)}`, {
    cause: error,
    family: 'caller',
  });
