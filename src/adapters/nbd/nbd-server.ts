import { once } from 'node:events';
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import { MiB, NsError, sentenceOf } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { listenPrivately } from '../listen-privately.ts';
import { BufferPool } from './buffer-pool.ts';
import { converse, type Service } from './connection.ts';
import { alwaysOffered, type ExportGate } from './export-gate.ts';
import { checkServerTls, type NbdServerTls } from './tls.ts';
import { Wakefulness } from './wakefulness.ts';
import { LARGEST_PAYLOAD } from './wire.ts';

/** All have defaults that do for a handful of clients. */
export interface NbdServerLimits {
  readonly connections?: number;
  /** For all that is said before requests, without the waiting for an export that is held back. */
  readonly handshakeMilliseconds?: number;
  /** How long a client waits for an export that is held back. */
  readonly holdMilliseconds?: number;
  /** Requests under way on one connection. */
  readonly requests?: number;
  /** Payload bytes under way on one connection. */
  readonly bytes?: number;
}

export interface NbdServerOptions {
  /** In a directory that only we may enter; at most 107 bytes. A socket that nobody listens at any more is replaced. */
  readonly socketPath?: string;
  /** Port 0 takes a free one. Only a loopback address, unless TLS is required. */
  readonly tcp?: { readonly host: string; readonly port: number };
  /** By default the empty name. */
  readonly exportName?: string;
  readonly tls?: NbdServerTls;
  /** Offsets and lengths must be multiples of this; by default 1. A power of two, at most 4096. */
  readonly minimumBlock?: number;
  /** Spends processor time to answer sooner: for a process that does nothing but serve disks. */
  readonly wakeful?: boolean;
  readonly limits?: NbdServerLimits;
}

export interface NbdServer {
  /** Where TCP was asked for. */
  readonly port: number | undefined;
  /** Cuts every connection and removes the socket. Requests under way are aborted and waited for. */
  close(): Promise<void>;
}

const PREFERRED_BLOCK = 4096;
/** Bytes that all connections together keep for reuse. */
const POOL = 8 * MiB;

/**
 * Offers one block device as an NBD export on a unix socket, on TCP, or on both. With a gate, what is offered may
 * change: while it is held back handshakes wait, while there is none they find no export, and once it is withdrawn its
 * connections are cut.
 */
export async function serveNbd(
  source: BlockDevice | ExportGate,
  options: NbdServerOptions,
): Promise<NbdServer> {
  checkOptions(options);
  const { limits = {}, tls } = options;
  if (tls !== undefined) checkServerTls(tls);
  const stop = new AbortController();
  const service: Service = {
    gate: 'offered' in source ? source : alwaysOffered(source),
    exportName: options.exportName ?? '',
    blockSizes: {
      minimum: options.minimumBlock ?? 1,
      preferred: PREFERRED_BLOCK,
      maximum: LARGEST_PAYLOAD,
    },
    tls,
    handshakeMilliseconds: limits.handshakeMilliseconds ?? 10_000,
    holdMilliseconds: limits.holdMilliseconds ?? 60_000,
    flight: { requests: limits.requests ?? 64, bytes: limits.bytes ?? LARGEST_PAYLOAD },
    pool: new BufferPool(POOL),
    wakefulness: options.wakeful === true ? new Wakefulness() : undefined,
    stop: stop.signal,
  };
  const most = limits.connections ?? 16;
  const connections = new Map<Socket, Promise<void>>();
  const accept = (socket: Socket): void => {
    if (connections.size >= most || stop.signal.aborted) {
      socket.destroy();
      return;
    }
    const conversation = converse(socket, service);
    connections.set(socket, conversation);
    // Whoever hangs up leaves requests behind that the device still has: until they end the place is taken.
    socket.once('close', () => void conversation.then(() => connections.delete(socket)));
  };
  const servers: Server[] = [];
  const close = async (): Promise<void> => {
    stop.abort(new NsError('NS_NBD_CLOSED', 'the NBD export was closed'));
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of connections.keys()) socket.destroy();
    await Promise.all(connections.values());
    await Promise.all(closed);
  };
  let port: number | undefined;
  try {
    if (options.socketPath !== undefined) {
      servers.push(await listening(accept, { path: options.socketPath }));
    }
    if (options.tcp !== undefined) {
      const server = await listening(accept, options.tcp);
      servers.push(server);
      port = (server.address() as AddressInfo).port;
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { port, close };
}

function checkOptions(options: NbdServerOptions): void {
  const { socketPath, tcp, tls, minimumBlock = 1 } = options;
  const wrong = (sentence: string): NsError => new NsError('NS_NBD_OPTIONS', sentence, { family: 'caller' });
  if (socketPath === undefined && tcp === undefined) throw wrong('an NBD server needs a place to listen at');
  if (!Number.isInteger(Math.log2(minimumBlock)) || minimumBlock < 1 || minimumBlock > PREFERRED_BLOCK) {
    throw wrong(`${minimumBlock} is no minimum block size: it must be a power of two from 1 to 4096`);
  }
  const isPrivate = tcp === undefined || isLoopback(tcp.host);
  if (!isPrivate && (tls === undefined || tls.required === false)) {
    throw wrong(`an NBD server without required TLS listens at loopback addresses alone, not at ${tcp.host}`);
  }
}

/** Only addresses: what a name stands for may change. */
function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}

async function listening(
  accept: (socket: Socket) => void,
  place: { path: string } | { host: string; port: number },
): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, accept);
  try {
    if ('path' in place) await listenPrivately(server, place.path);
    else await once(server.listen(place), 'listening');
    // Of connections that could not be accepted: they end nothing else.
    server.on('error', () => {});
    return server;
  } catch (cause) {
    const name = 'path' in place ? place.path : `${place.host}:${place.port}`;
    throw new NsError('NS_NBD_LISTEN', `cannot listen at ${name}: ${sentenceOf(cause)}`, { cause });
  }
}
