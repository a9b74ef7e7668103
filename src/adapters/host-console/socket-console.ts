import { createConnection, type Socket } from 'node:net';
import { type Duration, milliseconds, sentenceOf } from '../../base/index.ts';
import type { HostConsole } from '../../ipmi/index.ts';
import type { Clock, LogSink, Stop } from '../../ports/index.ts';

export interface SocketConsoleOptions {
  /** A unix socket where the host's serial port listens: QEMU's `-chardev socket,path=…,server=on,wait=off`. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: LogSink;
}

export interface OpenHostConsole extends HostConsole {
  onAvailable(listener: (available: boolean) => void): Stop;
  close(): Promise<void>;
}

/** Bytes of ours that nothing takes back once they are written: who writes may be told to stop. */
const MOST_WAITING = 1024;
const FIRST_WAIT = milliseconds(100);
/** A host that starts says its first words within half a second. */
const LONGEST_WAIT = milliseconds(250);

/**
 * A host's serial console behind a unix socket. It may come and go: it is looked for until it is closed. A host that does not
 * read leaves also what the system buffers of a socket on its way.
 */
export function openSocketConsole(options: SocketConsoleOptions): OpenHostConsole {
  return new SocketConsole(options);
}

class SocketConsole implements OpenHostConsole {
  readonly #options: SocketConsoleOptions;
  readonly #data = new Set<(bytes: Uint8Array) => void>();
  readonly #watchers = new Set<(available: boolean) => void>();
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  #socket: Socket | undefined;

  constructor(options: SocketConsoleOptions) {
    this.#options = options;
    this.#running = this.#run().catch(() => undefined);
  }

  /** False while nobody is there, too. */
  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (socket === undefined) return false;
    if (socket.writableLength > 0 && socket.writableLength + bytes.byteLength > MOST_WAITING) return false;
    socket.write(bytes.slice());
    return true;
  }

  onData(listener: (bytes: Uint8Array) => void): Stop {
    this.#data.add(listener);
    return () => this.#data.delete(listener);
  }

  onAvailable(listener: (available: boolean) => void): Stop {
    this.#watchers.add(listener);
    listener(this.#socket !== undefined);
    return () => this.#watchers.delete(listener);
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('the host console was closed'));
    this.#socket?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { path, clock, log } = this.#options;
    const { signal } = this.#over;
    let wait: Duration = FIRST_WAIT;
    while (!signal.aborted) {
      const end = await this.#once();
      // What is looked for again and again is told of once.
      if (end.connected) log.log('info', 'host-console.lost', { path, reason: end.reason });
      wait = end.connected ? FIRST_WAIT : milliseconds(Math.min(LONGEST_WAIT, wait * 2));
      await clock.sleep(wait, signal);
    }
  }

  /** One connection, from the try to its end. */
  #once(): Promise<{ readonly connected: boolean; readonly reason: string }> {
    return new Promise((resolve) => {
      const socket = createConnection(this.#options.path);
      let reason = 'the other end closed';
      this.#over.signal.addEventListener('abort', stop, { once: true });
      function stop(): void {
        socket.destroy();
      }
      socket.on('connect', () => this.#now(socket));
      socket.on('data', (bytes) => {
        for (const listener of [...this.#data]) listener(bytes);
      });
      socket.on('error', (error) => {
        reason = sentenceOf(error);
      });
      socket.on('close', () => {
        this.#over.signal.removeEventListener('abort', stop);
        const connected = this.#socket === socket;
        if (connected) this.#now(undefined);
        resolve({ connected, reason });
      });
    });
  }

  #now(socket: Socket | undefined): void {
    this.#socket = socket;
    for (const watcher of [...this.#watchers]) watcher(socket !== undefined);
  }
}
