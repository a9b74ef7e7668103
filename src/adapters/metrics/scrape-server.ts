import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Duration, milliseconds, NsError, sentenceOf } from '../../base/index.ts';
import type { ListenAddress } from './listen-address.ts';
import { CONTENT_TYPE } from './metric-text.ts';

export interface ScrapeServerOptions {
  readonly address: ListenAddress;
  /** Whoever asks must say `Authorization: Bearer` with it; not asked for where absent. */
  readonly token?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The longest that a connection may stand still, also because what was asked for is not read; 10 s. */
  readonly idle?: Duration;
  /** The text of all metrics. Called for one scrape at a time, whoever and however many ask. */
  readonly scrape: () => Promise<string>;
}

export interface ScrapeServer {
  /** "127.0.0.1:9460" */
  readonly authority: string;
  close(): Promise<void>;
}

const CONNECTIONS = 32;
const HEADER_BYTES = 8 * 1024;
const REQUEST_MS = 5000;
const LOOK_MS = 1000;
const IDLE = milliseconds(10_000);
/** Who asks again within this gets the same text. */
const FRESH_MS = 250;

/** One scrape for all who ask meanwhile. */
function shared(scrape: () => Promise<string>): () => Promise<string> {
  let last: { readonly text: Promise<string>; over: number } | undefined;
  return () => {
    if (last !== undefined && performance.now() < last.over) return last.text;
    const one = { text: scrape(), over: Number.POSITIVE_INFINITY };
    const ended = (): void => {
      one.over = performance.now() + FRESH_MS;
    };
    one.text.then(ended, ended);
    last = one;
    return one.text;
  };
}

function hashed(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function knows(token: string, header: string | undefined): boolean {
  const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  return given !== undefined && timingSafeEqual(hashed(given), hashed(token));
}

function refuse(
  response: ServerResponse,
  status: number,
  why: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...headers })
    .end(`${why}\n`);
}

/** Why nobody's request of this shape is answered. A name that was made to point to this machine shows in Host. */
function judge(request: IncomingMessage, names: ReadonlySet<string>): readonly [number, string] | undefined {
  const { host, origin } = request.headers;
  if (names.size > 0 && !names.has(host ?? '')) return [403, 'this is not the address that it listens at'];
  if (origin !== undefined) return [403, 'a page of a browser has nothing to ask here'];
  if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'only GET is known here'];
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length !== '0' || encoding !== undefined) return [413, 'a question has no body here'];
  const path = (request.url ?? '').split('?')[0];
  return path === '/metrics' ? undefined : [404, 'only /metrics is here'];
}

async function makeServer(
  { tls }: ScrapeServerOptions,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const limits = {
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    // Node looks for those who are over their time this often; half a minute by itself.
    connectionsCheckingInterval: LOOK_MS,
    maxHeaderSize: HEADER_BYTES,
  };
  if (tls === undefined) return createServer(limits, answer);
  const https = await import('node:https');
  return https.createServer({ ...limits, ...tls, minVersion: 'TLSv1.2' }, answer);
}

/**
 * Answers GET /metrics, and nothing else. Bounded against whoever asks badly: connections, size and time of a request,
 * time to read the answer. NS_METRICS_LISTEN where the address is not to be had.
 */
export async function startScrapeServer(options: ScrapeServerOptions): Promise<ScrapeServer> {
  const { address, token } = options;
  const scrape = shared(options.scrape);
  const names = new Set<string>();
  const asking = new WeakSet<Socket>();
  const server = await makeServer(options, (request, response) => {
    response.on('error', () => undefined);
    const { socket } = request;
    // Questions that come ahead of answers would all be held until somebody reads these.
    if (asking.has(socket)) return void socket.destroy();
    asking.add(socket);
    response.on('close', () => asking.delete(socket));
    const why = judge(request, names);
    if (why !== undefined) return refuse(response, ...why);
    if (token !== undefined && !knows(token, request.headers.authorization)) {
      return refuse(response, 401, 'the token is missing or wrong', { 'www-authenticate': 'Bearer' });
    }
    scrape().then(
      (text) => {
        if (response.destroyed) return;
        response.writeHead(200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' });
        response.end(request.method === 'HEAD' ? undefined : text);
      },
      () => refuse(response, 500, 'the metrics could not be read'),
    );
  });
  server.maxConnections = CONNECTIONS;
  server.setTimeout(options.idle ?? IDLE);
  server.keepAliveTimeout = REQUEST_MS;
  // Whoever speaks no HTTP is cut off without a word.
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address.host, port: address.port }, resolve);
  }).catch((cause: unknown) => {
    throw new NsError(
      'NS_METRICS_LISTEN',
      `no metrics at ${address.host} port ${address.port}: ${sentenceOf(cause)}`,
      { cause },
    );
  });
  // Later errors are of connections that could not be accepted, and end nothing else.
  server.on('error', () => undefined);
  const { port } = server.address() as AddressInfo;
  const shown = address.host.includes(':') ? `[${address.host}]` : address.host;
  if (address.loopback)
    for (const name of [shown, 'localhost', '127.0.0.1', '[::1]']) names.add(`${name}:${port}`);
  return {
    authority: `${shown}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
