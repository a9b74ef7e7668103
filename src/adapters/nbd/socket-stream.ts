import type { Socket } from 'node:net';

/**
 * Pulls exact byte counts out of a socket and pushes bytes into it no faster than the peer takes them. What is not
 * asked for stays in the kernel, so a peer cannot fill our memory.
 */
export class SocketStream {
  readonly socket: Socket;
  #rest: Buffer | undefined;
  #lastSend: Promise<void> = Promise.resolve();

  constructor(socket: Socket) {
    this.socket = socket;
    // The reason comes with 'close'; without a listener an error would end the process.
    socket.on('error', () => {});
  }

  /** Undefined where the peer ends first. */
  async take(size: number): Promise<Buffer | undefined> {
    const into = Buffer.allocUnsafe(size);
    let done = 0;
    while (done < size) {
      const chunk = this.#rest ?? (this.socket.read() as Buffer | null);
      this.#rest = undefined;
      if (chunk === null) {
        if (!(await this.#more())) return undefined;
        continue;
      }
      const count = chunk.copy(into, done, 0, size - done);
      done += count;
      if (count < chunk.byteLength) this.#rest = chunk.subarray(count);
    }
    return into;
  }

  /** What has arrived beyond what was asked for. Nothing more may be taken afterwards. */
  takeRest(): Buffer {
    const rest = this.#rest ?? Buffer.alloc(0);
    this.#rest = undefined;
    return rest;
  }

  /** True where the peer has sent more than was asked for. */
  get isAhead(): boolean {
    return this.#rest !== undefined || this.socket.readableLength > 0;
  }

  /** Resolves when the socket has room again; whole messages never interleave. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const turn = this.#lastSend.then(() => this.#send(parts));
    this.#lastSend = turn;
    await turn;
  }

  async #send(parts: readonly Uint8Array[]): Promise<void> {
    if (this.socket.destroyed) return;
    let room = true;
    for (const part of parts) room = this.socket.write(part);
    if (!room) await this.#either('drain', 'close');
  }

  async #more(): Promise<boolean> {
    if (this.socket.readableEnded || this.socket.destroyed) return false;
    await this.#either('readable', 'end', 'close');
    return !this.socket.destroyed;
  }

  async #either(...events: readonly string[]): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.socket.destroyed) {
        resolve();
        return;
      }
      const done = (): void => {
        for (const event of events) this.socket.off(event, done);
        resolve();
      };
      for (const event of events) this.socket.once(event, done);
    });
  }
}
