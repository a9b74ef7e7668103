import { connect, type Socket } from 'node:net';
import { bytes, checkBlockRange, MiB, NsError } from '../../base/index.ts';
import type { BlockCapabilities, BlockDevice, BlockExtent } from '../../ports/index.ts';
import { alignedTo } from './aligned-device.ts';
import { chooseExport, type RemoteExport } from './client-handshake.ts';
import { ClientLine, type Replied, type Sent } from './client-line.ts';
import { SocketStream } from './socket-stream.ts';
import { type NbdClientTls, secureAsClient } from './tls.ts';
import { COMMAND, ERROR, EXPORT_FLAG, LARGEST_PAYLOAD } from './wire.ts';

export interface NbdClientOptions {
  /** A unix socket's path; or `tcp`. */
  readonly socketPath?: string;
  readonly tcp?: { readonly host: string; readonly port: number };
  /** By default the server's default export. */
  readonly exportName?: string;
  /** For people and logs; by default where the server is. */
  readonly name?: string;
  /** With it the server must speak TLS. */
  readonly tls?: NbdClientTls;
  /** Until the export is agreed; by default 10 s. A server may hold its export back for longer than that. */
  readonly connectMilliseconds?: number;
  /** For one answer; by default 60 s. */
  readonly answerMilliseconds?: number;
  /** Under way at once; by default 64. */
  readonly requests?: number;
}

/**
 * Opens the export of an NBD server as a block device. NS_NBD_CONNECT, NS_NBD_REFUSED, NS_NBD_TLS and NS_NBD_PROTOCOL
 * tell why not. Once the connection is lost everything under way fails with NS_BLOCK_IO, and so does everything later:
 * nobody knows which writes were done, so it is not made again silently.
 */
export async function openNbd(options: NbdClientOptions): Promise<BlockDevice> {
  const { socketPath, tcp } = options;
  if ((socketPath === undefined) === (tcp === undefined)) {
    throw new NsError('NS_NBD_OPTIONS', 'an NBD server is at a socket path or at a TCP address', {
      family: 'caller',
    });
  }
  const name = options.name ?? (tcp === undefined ? `nbd:${socketPath}` : `nbd://${tcp.host}:${tcp.port}`);
  const remote = await agree(options, name);
  const line = new ClientLine(remote, name, {
    requests: options.requests ?? 64,
    bytes: LARGEST_PAYLOAD,
    answerMilliseconds: options.answerMilliseconds ?? 60_000,
  });
  return alignedTo(remote.blockSizes.minimum, new NbdDevice(remote, line, name));
}

async function agree(options: NbdClientOptions, name: string): Promise<RemoteExport> {
  const { socketPath, tcp, tls } = options;
  const limit = options.connectMilliseconds ?? 10_000;
  const socket: Socket = connect({
    ...(tcp === undefined ? { path: socketPath! } : { host: tcp.host, port: tcp.port }),
    noDelay: true,
    allowHalfOpen: false,
  });
  socket.pause();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.destroy();
  }, limit);
  try {
    await opened(socket, name);
    const secure =
      tls === undefined
        ? undefined
        : (stream: SocketStream) => secureAsClient(stream, tls, tcp?.host ?? 'localhost');
    return await chooseExport(new SocketStream(socket), options.exportName ?? '', secure);
  } catch (error) {
    socket.destroy();
    if (!late) throw error;
    throw new NsError('NS_NBD_CONNECT', `${name} offered no export within ${limit} ms`, {
      cause: error,
      retryable: true,
    });
  } finally {
    clearTimeout(timer);
  }
}

function opened(socket: Socket, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause?: unknown): void => {
      reject(new NsError('NS_NBD_CONNECT', `cannot connect to ${name}`, { cause, retryable: true }));
    };
    socket.once('error', failed);
    socket.once('close', () => failed());
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve();
    });
  });
}

/** What a request that carries no data may span: a whole number of any blocks, below 2^32. */
const LONGEST_PLAIN = 1024 * MiB;

class NbdDevice implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly extents?: NonNullable<BlockDevice['extents']>;
  readonly #line: ClientLine;
  readonly #largest: number;
  readonly #flags: number;

  constructor(remote: RemoteExport, line: ClientLine, name: string) {
    this.name = name;
    this.#line = line;
    this.#largest = remote.blockSizes.maximum;
    this.#flags = remote.flags;
    const writable = (remote.flags & EXPORT_FLAG.readOnly) === 0;
    this.capabilities = {
      size: bytes(remote.size),
      sectorSize: bytes(remote.blockSizes.minimum > 512 ? 4096 : 512),
      writable,
      trim: writable && (remote.flags & EXPORT_FLAG.trim) !== 0,
    };
    if (remote.allocationId !== undefined) this.extents = (...asked) => this.#extents(...asked);
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    signal?.throwIfAborted();
    for (let done = 0; done < into.byteLength; done += this.#largest) {
      const piece = into.subarray(done, done + this.#largest);
      const sent = { command: COMMAND.read, flags: 0, offset: offset + done, length: piece.byteLength };
      await this.#do('read', { ...sent, into: piece }, signal);
    }
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#checkWrite(offset, data.byteLength);
    signal?.throwIfAborted();
    for (let done = 0; done < data.byteLength; done += this.#largest) {
      const piece = data.subarray(done, done + this.#largest);
      const sent = { command: COMMAND.write, flags: 0, offset: offset + done, length: piece.byteLength };
      await this.#do('write', { ...sent, parts: [piece] }, signal);
    }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    // A server without it has nothing that a flush could do.
    if ((this.#flags & EXPORT_FLAG.flush) === 0) return;
    await this.#do('flush', { command: COMMAND.flush, flags: 0, offset: 0, length: 0 }, signal);
  }

  async trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    if (!this.capabilities.trim) return;
    signal?.throwIfAborted();
    for (let done = 0; done < length; done += LONGEST_PLAIN) {
      const piece = Math.min(LONGEST_PLAIN, length - done);
      const sent = { command: COMMAND.trim, flags: 0, offset: offset + done, length: piece };
      await this.#do('trim', sent, signal);
    }
  }

  async close(): Promise<void> {
    await this.#line.close();
  }

  async #extents(offset: number, length: number, signal?: AbortSignal): Promise<readonly BlockExtent[]> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    signal?.throwIfAborted();
    if (length === 0) return [];
    const asked = { command: COMMAND.blockStatus, flags: 0, offset, length: Math.min(length, LONGEST_PLAIN) };
    const { extents } = await this.#do('block status', asked, signal);
    if (extents !== undefined && extents.length > 0) return extents;
    throw new NsError('NS_BLOCK_IO', `${this.name} tells nothing of its blocks`);
  }

  #checkWrite(offset: number, length: number): void {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    if (this.capabilities.writable) return;
    throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} is offered read-only`, { family: 'caller' });
  }

  async #do(verb: string, sent: Sent, signal: AbortSignal | undefined): Promise<Replied> {
    const replied = await this.#line.request(sent, signal);
    if (replied.error === ERROR.none) return replied;
    const { offset, length } = sent;
    const code = replied.error === ERROR.permission ? 'NS_BLOCK_READ_ONLY' : 'NS_BLOCK_IO';
    throw new NsError(
      code,
      `${verb} of ${length} bytes at ${offset} failed on ${this.name}: error ${replied.error}`,
    );
  }
}
