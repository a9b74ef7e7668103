import { once } from 'node:events';
import type { Stop } from '../ports/index.ts';

export interface RawStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/**
 * The operator's terminal, key by key and byte by byte: what a remote console needs. It is put back as it was by close(), and
 * when the process ends, whatever ended it. Where the input is no terminal it is read as it is.
 */
export class RawTerminal {
  readonly #in: NodeJS.ReadStream;
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  readonly #stops: Stop[] = [];
  #raw = false;

  constructor({ stdin, stdout, stderr }: RawStreams = process) {
    this.#in = stdin;
    this.#out = stdout;
    this.#err = stderr;
    // Whoever looked has gone: the console ends by its input.
    for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
    this.#setRaw();
    const restore = (): void => this.#restore();
    // A shell that had stopped this process has set the terminal for itself meanwhile.
    const again = (): void => this.#setRaw();
    process.on('exit', restore);
    process.on('SIGCONT', again);
    this.#stops.push(
      () => process.off('exit', restore),
      () => process.off('SIGCONT', again),
    );
  }

  onKeys(listener: (bytes: Uint8Array) => void): Stop {
    const hear = (chunk: Buffer): void => listener(chunk);
    this.#in.on('data', hear);
    this.#in.resume();
    const stop = (): void => void this.#in.off('data', hear);
    this.#stops.push(stop);
    return stop;
  }

  /** The input's end: of a pipe, or of a terminal that hung up. */
  onEnd(listener: () => void): Stop {
    const events = ['end', 'close', 'error'] as const;
    for (const event of events) this.#in.once(event, listener);
    const stop = (): void => {
      for (const event of events) this.#in.off(event, listener);
    };
    this.#stops.push(stop);
    return stop;
  }

  /** Reads no keys for a while; those that are typed wait with the system. */
  hold(holding: boolean): void {
    if (holding) this.#in.pause();
    else this.#in.resume();
  }

  /** False: wait for drained() before the next. */
  write(bytes: Uint8Array): boolean {
    return this.#out.write(bytes);
  }

  async drained(signal: AbortSignal): Promise<void> {
    if (this.#out.writableNeedDrain) await once(this.#out, 'drain', { signal });
  }

  /** A line of our own, beside what the console says. Plain text: the terminal may be a dumb one. */
  say(line: string): void {
    this.#err.write(`${line}\r\n`);
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#restore();
    this.#in.pause();
  }

  #setRaw(): void {
    if (this.#in.isTTY !== true) return;
    this.#in.setRawMode(true);
    this.#raw = true;
  }

  #restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    try {
      this.#in.setRawMode(false);
    } catch {
      // The terminal is gone, and with it what was to be put back.
    }
  }
}
