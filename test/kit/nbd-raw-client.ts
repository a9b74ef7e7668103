import { createConnection, type Socket } from 'node:net';

/** A client of bytes, for what no honest client sends. */
export class RawClient {
  readonly socket: Socket;
  #got = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => {};

  /** A unix socket's path, or a port of loopback TCP. */
  constructor(where: string | number) {
    this.socket = typeof where === 'string' ? createConnection(where) : createConnection(where, '127.0.0.1');
    this.socket.on('data', (chunk: Buffer) => {
      this.#got = Buffer.concat([this.#got, chunk]);
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    this.socket.on('end', () => {
      this.socket.end();
    });
  }

  /** Undefined where the server closes first. */
  async take(size: number): Promise<Buffer | undefined> {
    while (this.#got.byteLength < size) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#got.subarray(0, size);
    this.#got = this.#got.subarray(size);
    return bytes;
  }

  option(option: number, data: Uint8Array = new Uint8Array(0), claimed = data.byteLength): void {
    const header = Buffer.alloc(16);
    header.write('IHAVEOPT', 0, 'latin1');
    header.writeUInt32BE(option, 8);
    header.writeUInt32BE(claimed, 12);
    this.socket.write(Buffer.concat([header, data]));
  }

  async optionReply(): Promise<{ type: number; data: Buffer } | undefined> {
    const header = await this.take(20);
    const data = header === undefined ? undefined : await this.take(header.readUInt32BE(16));
    return header === undefined || data === undefined ? undefined : { type: header.readUInt32BE(12), data };
  }

  request(
    command: number,
    offset: bigint,
    length: number,
    data: Uint8Array = new Uint8Array(0),
    flags = 0,
  ): void {
    const header = Buffer.alloc(28);
    header.writeUInt32BE(0x25609513, 0);
    header.writeUInt16BE(flags, 4);
    header.writeUInt16BE(command, 6);
    header.writeBigUInt64BE(77n, 8);
    header.writeBigUInt64BE(offset, 16);
    header.writeUInt32BE(length, 24);
    this.socket.write(Buffer.concat([header, data]));
  }

  async error(): Promise<number | undefined> {
    return (await this.take(16))?.readUInt32BE(4);
  }

  /** Through the greeting, and to the export where asked. */
  async start(go: boolean): Promise<this> {
    await this.take(18);
    this.socket.write(Buffer.from([0, 0, 0, 3]));
    if (go) {
      this.option(1, Buffer.from('disk0'));
      await this.take(10);
    }
    return this;
  }
}
