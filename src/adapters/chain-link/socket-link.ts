import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { type Duration, KiB, milliseconds, NsError, seconds } from '../../base/index.ts';
import type { ChainLink, Clock, LogSink } from '../../ports/index.ts';
import type { Scheduler } from '../../sata-chain/index.ts';
import { listenPrivately } from '../listen-privately.ts';
import type { ByteLine } from './byte-line.ts';
import { ByteLink, type ByteLinkOptions } from './byte-link.ts';
import { closingAfter } from './closing-after.ts';
import { keepLine, RETRY, type RetryRange } from './keep-line.ts';
import { lineBuffer } from './line-size.ts';
import { SocketLine } from './socket-line.ts';

export interface SocketLinkOptions {
  /** At most 107 bytes, in a directory that only we may enter. */
  readonly socketPath: string;
  readonly name?: string;
  readonly largestFrame?: number;
  readonly keepAlive?: Duration;
  readonly retry?: RetryRange;
  /** A fault kit between the link and each socket. */
  readonly wrap?: (line: ByteLine) => ByteLine;
  /** False where `wrap` loses bytes. */
  readonly lossless?: boolean;
}

export interface LinkParts {
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly log: LogSink;
}

const SILENT_HELLOS = 8;
const LARGEST_FRAME = 64 * KiB;
const CONNECT = seconds(5);

function byteLinkOptions(options: SocketLinkOptions): ByteLinkOptions {
  const largestFrame = options.largestFrame ?? LARGEST_FRAME;
  return {
    name: options.name ?? options.socketPath,
    largestFrame,
    lossless: options.lossless ?? true,
    roundTrip: milliseconds(20),
    queue: { frames: 256, bytes: 4 * lineBuffer(largestFrame) },
    keepAlive: options.keepAlive ?? milliseconds(250),
    silentHellos: SILENT_HELLOS,
  };
}

function lineOf(socket: Socket, link: ByteLink, options: SocketLinkOptions): ByteLine {
  const line = new SocketLine(link.name, socket, lineBuffer(link.capabilities.largestFrame));
  return options.wrap?.(line) ?? line;
}

/** The end that connects, and connects again after every loss. */
export function connectSocketLink(options: SocketLinkOptions, parts: LinkParts): ChainLink {
  const link = new ByteLink(byteLinkOptions(options), parts.scheduler);
  const open = async (): Promise<ByteLine> => lineOf(await connect(options.socketPath, link), link, options);
  const kept = keepLine(link, open, parts.clock, parts.log, options.retry ?? RETRY);
  return closingAfter(link, async () => kept);
}

/**
 * The end that listens. One peer at a time: another may come when the one that is there says nothing sensible. NS_LINK_LISTEN
 * where it cannot listen; a socket file that nobody listens at is replaced.
 */
export async function listenSocketLink(options: SocketLinkOptions, parts: LinkParts): Promise<ChainLink> {
  const link = new ByteLink(byteLinkOptions(options), parts.scheduler);
  let present: ByteLine | undefined;
  let work = Promise.resolve();
  const server = createServer((socket) => {
    if (link.connected) {
      socket.destroy();
      return;
    }
    void present?.close();
    const line = lineOf(socket, link, options);
    present = line;
    work = work.then(async () => {
      const reason = await link.use(line);
      if (present === line) present = undefined;
      if (!link.closing.aborted) parts.log.log('info', 'chain-link-down', { link: link.name, reason });
    });
  });
  await listen(server, options.socketPath);
  return closingAfter(link, async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await present?.close();
    await work;
    await closed;
  });
}

function connect(socketPath: string, link: ByteLink): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = netConnect(socketPath);
    const fail = (cause: unknown): void => {
      socket.destroy();
      link.closing.removeEventListener('abort', stop);
      reject(new NsError('NS_LINK_CONNECT', `nobody answers at ${socketPath}`, { cause, retryable: true }));
    };
    const stop = (): void => fail(link.closing.reason);
    link.closing.addEventListener('abort', stop, { once: true });
    socket.once('error', fail);
    socket.setTimeout(CONNECT, () => fail('timeout'));
    socket.once('connect', () => {
      link.closing.removeEventListener('abort', stop);
      socket.removeListener('error', fail);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

async function listen(server: Server, socketPath: string): Promise<void> {
  try {
    await listenPrivately(server, socketPath);
  } catch (cause) {
    server.close();
    throw new NsError('NS_LINK_LISTEN', `cannot listen at ${socketPath}`, { cause });
  }
}
