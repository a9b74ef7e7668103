import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { asNsError, NsError } from '../base/index.ts';
import { listenPrivately } from './listen-privately.ts';

const LONGEST_LINE = 4096;
const LONGEST_ANSWER = 1024 * 1024;
const CONNECTIONS = 8;

/** What a command gives back; `ok` is added. */
export type ControlAnswer = Readonly<Record<string, unknown>>;

export interface ControlLimits {
  /** The most characters of a command. */
  readonly line?: number;
  /** The most characters of an answer. */
  readonly answer?: number;
}

export interface ControlSocket {
  close(): Promise<void>;
}

/**
 * Listens on a unix socket of mode 0600 for commands, one JSON value a line, each answered by one line, in order. A line
 * longer than 4096 characters (`limits.line`) ends its connection. What `obey` throws becomes an answer that is not ok.
 */
export async function openControlSocket(
  path: string,
  obey: (command: unknown) => Promise<ControlAnswer>,
  limits: ControlLimits = {},
): Promise<ControlSocket> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    void serve(obey, socket, limits.line ?? LONGEST_LINE);
  });
  server.maxConnections = CONNECTIONS;
  try {
    await listenPrivately(server, path);
  } catch (error) {
    throw asNsError(error, 'NS_CONTROL_SOCKET');
  }
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

/** Gives one command to whoever listens there. NS_CONTROL_SOCKET where nobody does, NS_CONTROL_REFUSED with their reason. */
export async function askControlSocket(
  path: string,
  command: unknown,
  limitMs: number,
  { answer: longest = LONGEST_ANSWER }: ControlLimits = {},
): Promise<ControlAnswer> {
  const socket = connect(path);
  try {
    socket.setEncoding('utf8');
    socket.setTimeout(limitMs, () => socket.destroy(new Error(`no answer in ${limitMs} ms`)));
    socket.write(`${JSON.stringify(command)}\n`);
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (String(chunk).includes('\n') || text.length > longest) break;
    }
    const answer = parseJson(text.split('\n')[0] ?? '') as { ok?: boolean; error?: string };
    if (answer?.ok === true) return answer as ControlAnswer;
    throw new NsError('NS_CONTROL_REFUSED', answer?.error ?? 'no answer', { family: 'caller' });
  } catch (error) {
    throw asNsError(error, 'NS_CONTROL_SOCKET');
  } finally {
    socket.destroy();
  }
}

const TOO_LONG = `${JSON.stringify({ ok: false, error: 'the line is too long' })}\n`;

/** Reads no further while a command is under way, so that a peer cannot pile them up. */
async function serve(
  obey: (command: unknown) => Promise<ControlAnswer>,
  socket: Socket,
  longest: number,
): Promise<void> {
  let rest = '';
  socket.setEncoding('utf8');
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      rest += String(chunk);
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        if (line.length > longest) {
          socket.end(TOO_LONG);
          return;
        }
        if (line.trim() !== '') socket.write(`${JSON.stringify(await answer(obey, line))}\n`);
      }
      if (rest.length > longest) {
        socket.end(TOO_LONG);
        return;
      }
    }
    socket.end();
  } catch {
    // The peer went away; the next one is served all the same.
  }
}

async function answer(
  obey: (command: unknown) => Promise<ControlAnswer>,
  line: string,
): Promise<ControlAnswer> {
  try {
    return { ok: true, ...(await obey(parseJson(line))) };
  } catch (error) {
    return { ok: false, error: asNsError(error, 'NS_CONTROL_INVALID').message };
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new NsError('NS_CONTROL_INVALID', 'the line is not JSON', { family: 'caller', cause: error });
  }
}
