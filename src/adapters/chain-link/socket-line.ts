import type { Socket } from 'node:net';
import type { Stop } from '../../ports/index.ts';
import { HangUp } from '../hang-up.ts';
import { WriteRoom } from '../write-room.ts';
import type { ByteLine } from './byte-line.ts';

/** A connected stream socket as a line. What is written within one turn of the event loop leaves in one call. */
export class SocketLine implements ByteLine {
  readonly name: string;
  readonly #socket: Socket;
  readonly #room: WriteRoom;
  readonly #end = new HangUp();
  #corked = false;

  constructor(name: string, socket: Socket, buffer: number) {
    this.name = name;
    this.#socket = socket;
    this.#room = new WriteRoom(buffer);
    socket.on('error', (error) => this.#over(error.message));
    socket.on('close', () => this.#over('the other end closed'));
  }

  write(bytes: Uint8Array): boolean {
    if (this.#end.reason !== undefined || !this.#room.take(bytes.byteLength)) return false;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes, () => this.#room.give(bytes.byteLength));
    return true;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#room.wait(signal);
  }

  onData(listener: (bytes: Uint8Array) => void): Stop {
    this.#socket.on('data', listener);
    return () => this.#socket.off('data', listener);
  }

  onHangUp(listener: (reason: string) => void): Stop {
    return this.#end.onHangUp(listener);
  }

  async close(): Promise<void> {
    this.#over('closed');
  }

  #over(reason: string): void {
    if (this.#end.reason !== undefined) return;
    this.#socket.destroy();
    this.#room.close();
    this.#end.tell(reason);
  }
}
