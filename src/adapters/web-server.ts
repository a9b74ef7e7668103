import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { asNsError, NsError } from '../base/index.ts';
import type { AnswerWeb, WebBody, WebRequest } from '../ports/index.ts';

const LARGEST_BODY = 256 * 1024;
/** What a reader of a stream may leave unread. */
const LARGEST_BACKLOG = 32 * 1024 * 1024;
const CONNECTIONS = 64;
const REQUEST_MS = 15_000;

export interface WebServer {
  /** "127.0.0.1:40123" */
  readonly authority: string;
  close(): Promise<void>;
}

/** Undefined where it is longer than anything that belongs here. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.byteLength;
    if (size > LARGEST_BODY) return undefined;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function requestOf(raw: IncomingMessage, body: Uint8Array, gone: AbortSignal): WebRequest {
  const target = raw.url ?? '/';
  const cut = target.indexOf('?');
  const path = cut < 0 ? target : target.slice(0, cut);
  const { host, origin, cookie } = raw.headers;
  const fetchSite = raw.headers['sec-fetch-site'];
  return {
    method: raw.method ?? '',
    path,
    query: new Map(new URLSearchParams(cut < 0 ? '' : target.slice(cut + 1))),
    headers: {
      host,
      origin,
      cookie,
      contentType: raw.headers['content-type'],
      fetchSite: Array.isArray(fetchSite) ? fetchSite.join(',') : fetchSite,
    },
    body,
    gone,
  };
}

function sendBody(response: ServerResponse, body: WebBody): void {
  if (body.is === 'whole') {
    response.end(body.content);
    return;
  }
  response.flushHeaders();
  body.begin((text) => {
    if (response.destroyed) return false;
    response.write(text);
    if (response.writableLength <= LARGEST_BACKLOG) return true;
    response.destroy();
    return false;
  });
}

async function serve(raw: IncomingMessage, response: ServerResponse, answer: AnswerWeb, ended: AbortSignal) {
  const left = new AbortController();
  response.on('close', () => left.abort(new Error('whoever asked has gone')));
  try {
    const body = await readBody(raw);
    if (body === undefined) {
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    const reply = await answer(requestOf(raw, body, AbortSignal.any([left.signal, ended])));
    if (response.destroyed) return;
    response.writeHead(reply.status, reply.headers);
    sendBody(response, reply.body);
  } catch {
    // Nothing of the inside is told outside.
    if (!response.headersSent) response.writeHead(500);
    response.end();
  }
}

/** `answerAt` is given the address once it is known. NS_WEB_LISTEN where the port is taken. */
export async function startWebServer(
  answerAt: (authority: string) => AnswerWeb,
  options: { readonly port?: number } = {},
): Promise<WebServer> {
  const ended = new AbortController();
  let answer: AnswerWeb | undefined;
  const asking = new WeakSet<Socket>();
  const server: Server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, maxHeaderSize: 16 * 1024 },
    (raw, response) => {
      const { socket } = raw;
      // No browser sends questions ahead of answers; they would all be held until somebody reads these.
      if (answer === undefined || asking.has(socket)) return void socket.destroy();
      asking.add(socket);
      response.on('close', () => asking.delete(socket));
      void serve(raw, response, answer, ended.signal);
    },
  );
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: options.port ?? 0 }, resolve);
  }).catch((error: unknown) => {
    throw new NsError(
      'NS_WEB_LISTEN',
      `the page cannot listen on port ${options.port ?? 0} of this machine`,
      {
        cause: asNsError(error),
      },
    );
  });
  const authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  answer = answerAt(authority);
  return {
    authority,
    close: () =>
      new Promise((resolve) => {
        ended.abort(new Error('the server closes'));
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
