import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Duration, NsError, seconds, sentenceOf } from '../base/index.ts';
import type { Clock, Datagram } from '../ports/index.ts';

export interface UdpAddress {
  /** An address of IPv4 or IPv6, or a name; of a name the first address counts. */
  readonly host: string;
  readonly port: number;
}

const LOOK_UP_TIME: Duration = seconds(5);
/** The most that fits into a datagram of IPv4. */
const LARGEST = 65_507;
/** The network's word that an earlier datagram found nobody: lost, as any datagram may be. */
const REFUSED = 'ECONNREFUSED';

/** A UDP socket connected to one peer. NS_DATAGRAM where there is no such name, no route, or no address to be had. */
export async function openUdp({ host, port }: UdpAddress, clock: Clock): Promise<Datagram> {
  const peer = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const { address, family } = await addressOf(host, peer, clock);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    await connect(socket, port, address);
  } catch (error) {
    await closed(socket);
    throw impossible(peer, error);
  }
  // Reported here too; a send reports it to whoever can act on it.
  socket.on('error', () => {});
  return new UdpDatagram(socket, peer);
}

class UdpDatagram implements Datagram {
  readonly peer: string;
  readonly #socket: Socket;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, peer: string) {
    this.#socket = socket;
    this.peer = peer;
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (this.#closing !== undefined) throw impossible(this.peer, new Error('the socket is closed'));
    if (bytes.byteLength > LARGEST) {
      throw new NsError('NS_DATAGRAM', `${bytes.byteLength} bytes do not fit into one datagram`, {
        family: 'caller',
      });
    }
    // What is reported once belongs to an earlier datagram, and this one has not gone yet.
    const first = await this.#sent(bytes);
    const last = codeOf(first) === REFUSED ? await this.#sent(bytes) : first;
    if (last !== undefined && codeOf(last) !== REFUSED) throw impossible(this.peer, last);
  }

  onMessage(listener: (bytes: Uint8Array) => void): () => void {
    const hear = (bytes: Buffer): void => listener(bytes);
    this.#socket.on('message', hear);
    return () => {
      this.#socket.off('message', hear);
    };
  }

  close(): Promise<void> {
    this.#closing ??= closed(this.#socket);
    return this.#closing;
  }

  #sent(bytes: Uint8Array): Promise<Error | undefined> {
    return new Promise((resolve) => {
      this.#socket.send(bytes, (error) => resolve(error ?? undefined));
    });
  }
}

async function addressOf(
  host: string,
  peer: string,
  clock: Clock,
): Promise<{ readonly address: string; readonly family: number }> {
  const family = isIP(host);
  if (family !== 0) return { address: host, family };
  const deadline = clock.deadline(LOOK_UP_TIME, `the look-up of ${host}`);
  const late = new Promise<never>((_, reject) => {
    deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason), { once: true });
  });
  try {
    return await Promise.race([lookup(host), late]);
  } catch (error) {
    throw impossible(peer, error);
  } finally {
    deadline.release();
  }
}

function connect(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

function impossible(peer: string, error: unknown): NsError {
  return new NsError('NS_DATAGRAM', `no datagram gets to ${peer}: ${sentenceOf(error)}`, {
    cause: error,
    retryable: true,
  });
}
