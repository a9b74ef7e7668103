import { connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { asNsError, NsError } from '../../base/index.ts';
import { SocketStream } from './socket-stream.ts';

/** Certificates and keys are PEM texts. */
export interface NbdServerTls {
  readonly certificate: string;
  readonly key: string;
  /** Where given, a client must show a certificate that this authority signed. */
  readonly clientAuthority?: string;
  /** False lets clients go on in the clear; by default they may not. */
  readonly required?: boolean;
}

export interface NbdClientTls {
  /** Who may have signed the server's certificate; by default the authorities that Node knows. */
  readonly authority?: string;
  /** The name that the certificate must have; by default the host that is connected to. */
  readonly serverName?: string;
  readonly certificate?: string;
  readonly key?: string;
}

function serverOptions(tls: NbdServerTls): TlsOptions {
  const asksClient = tls.clientAuthority !== undefined;
  return {
    cert: tls.certificate,
    key: tls.key,
    minVersion: 'TLSv1.2',
    requestCert: asksClient,
    rejectUnauthorized: asksClient,
    ...(asksClient ? { ca: tls.clientAuthority } : {}),
  };
}

/** NS_NBD_TLS where certificate and key are not usable. */
export function checkServerTls(tls: NbdServerTls): void {
  try {
    createServer(serverOptions(tls));
  } catch (cause) {
    throw new NsError('NS_NBD_TLS', 'the certificate or key of the NBD export is not usable', {
      family: 'caller',
      cause,
    });
  }
}

/** The server's side of a handshake on a connection that is open already. Undefined where it fails. */
export function secureAsServer(stream: SocketStream, tls: NbdServerTls): Promise<SocketStream | undefined> {
  return new Promise((resolve) => {
    // One for each connection, never listening: only a tls.Server judges the certificate of its client.
    const server = createServer(serverOptions(tls), (socket) => resolve(new SocketStream(socket)));
    server.once('tlsClientError', (_error, socket) => {
      socket.destroy();
      resolve(undefined);
    });
    stream.socket.once('close', () => resolve(undefined));
    server.emit('connection', stream.socket);
  });
}

/** The client's side. NS_NBD_TLS where the server is not who it should be, or will not have us. */
export async function secureAsClient(
  stream: SocketStream,
  tls: NbdClientTls,
  host: string,
): Promise<SocketStream> {
  const name = tls.serverName ?? host;
  try {
    const socket = connect({
      socket: stream.socket,
      minVersion: 'TLSv1.2',
      host: name,
      // An address is no server name indication; the certificate is held against `host` all the same.
      ...(/^[0-9.]+$|:/.test(name) ? {} : { servername: name }),
      ...(tls.authority === undefined ? {} : { ca: tls.authority }),
      ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    });
    const failed = await secured(socket);
    if (failed !== undefined) throw failed;
    return new SocketStream(socket);
  } catch (cause) {
    const why = asNsError(cause).sentence;
    throw new NsError('NS_NBD_TLS', `no TLS with the NBD server ${name}: ${why}`, { family: 'peer', cause });
  }
}

/** Waits for the handshake; resolves to the error where the connection fails first. */
function secured(socket: TLSSocket): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const settle = (error?: Error): void => {
      socket.off('secureConnect', good);
      socket.off('error', settle);
      socket.off('close', closed);
      resolve(error);
    };
    const good = (): void => settle();
    const closed = (): void => settle(new Error('the connection ended'));
    socket.on('error', settle);
    socket.once('secureConnect', good);
    socket.once('close', closed);
  });
}
