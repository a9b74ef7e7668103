import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ReadStream } from 'node:tty';
import { openSerialLine } from '../../src/adapters/serial-line.ts';
import type { SerialLine } from '../../src/ports/index.ts';
import { ptyPair } from './chain-links.ts';
import { eventually } from './eventually.ts';

interface Cable {
  readonly pty: Awaited<ReturnType<typeof ptyPair>>;
  /** For programs, and to keep the line open. */
  readonly end: FileHandle;
  /** Absent while a program has the line. */
  input: ReadStream | undefined;
  /** Bytes that the device has printed, and that came here. */
  printed: number;
  seen: number;
}

/** Of what goes to a program, so much is kept. */
const MOST_UNREAD = 8192;

/** What passes on the line: may pull the cable. */
export type Watch = (way: 'to device' | 'from device', bytes: number) => void;

/**
 * Somebody with a terminal program at a real serial line, which is a pair of pseudo terminals, and with lrzsz. The cable can be
 * pulled, and another one put in.
 */
export class PtyTerminal {
  /** All that the device has printed; of what a program on the line got, the end. */
  screen = '';
  watch: Watch | undefined;
  #read = 0;
  #cable: Cable | undefined;
  /** What runs on the line. */
  program: ChildProcess | undefined;

  /** For the agent: the line as it is now. */
  readonly openLine = async (_path: string, baudRate: number): Promise<SerialLine> => {
    if (this.#cable === undefined) throw new Error('no cable');
    const cable = this.#cable;
    const line = await openSerialLine(cable.pty.paths[0], { baudRate });
    return {
      name: line.name,
      write: (bytes) => {
        const taken = line.write(bytes);
        if (!taken) return false;
        this.#print(bytes);
        cable.printed += bytes.byteLength;
        this.watch?.('from device', bytes.byteLength);
        return true;
      },
      room: (signal) => line.room(signal),
      onData: (listener) =>
        line.onData((bytes) => {
          listener(bytes);
          this.watch?.('to device', bytes.byteLength);
        }),
      onHangUp: (listener) => line.onHangUp(listener),
      setBaudRate: (rate) => line.setBaudRate(rate),
      sendBreak: (duration) => line.sendBreak(duration),
      drained: (signal) => line.drained(signal),
      close: () => line.close(),
    };
  };

  /** Another cable; the one that was there is pulled, and what runs on it is hung up. */
  async plug(): Promise<void> {
    const old = this.#cable;
    const pty = await ptyPair();
    const end = await open(pty.paths[1], constants.O_RDWR | constants.O_NOCTTY);
    const cable: Cable = { pty, end, input: undefined, printed: 0, seen: 0 };
    this.#listen(cable);
    this.#cable = cable;
    await this.#drop(old);
  }

  async unplug(): Promise<void> {
    const old = this.#cable;
    this.#cable = undefined;
    await this.#drop(old);
  }

  type(text: string): void {
    const { end } = this.#cable!;
    void end.write(Buffer.from(text, 'latin1')).catch(() => undefined);
  }

  /** What was printed since it was last asked, up to the end of the next match. */
  async expect(pattern: RegExp): Promise<string> {
    let found: RegExpExecArray | null = null;
    await eventually(() => {
      found = pattern.exec(this.screen.slice(this.#read));
      return found !== null;
    }, 60_000).catch((error: unknown) => {
      throw new Error(`never printed ${String(pattern)} in: ${this.screen.slice(this.#read)}`, {
        cause: error,
      });
    });
    const { index, 0: text } = found as unknown as RegExpExecArray;
    const heard = this.screen.slice(this.#read, this.#read + index + text.length);
    this.#read += index + text.length;
    return heard;
  }

  /** Runs a program on the line, as terminal programs run theirs; how it ended. */
  async run(program: string, args: readonly string[], cwd: string): Promise<number | null> {
    const cable = this.#cable!;
    const { end } = cable;
    // Nobody types before having read.
    await eventually(() => cable.seen >= cable.printed, 60_000);
    cable.input?.destroy();
    cable.input = undefined;
    const child = spawn(program, args, { cwd, stdio: [end.fd, end.fd, 'ignore'] });
    this.program = child;
    const [status] = (await once(child, 'exit')) as [number | null];
    this.program = undefined;
    if (this.#cable === cable) this.#listen(cable);
    return status;
  }

  /** Seen as it leaves the device: a program that ends may take with it what was printed behind its file. */
  #print(bytes: Uint8Array): void {
    this.screen += Buffer.from(bytes).toString('latin1');
    const extra = this.program === undefined ? 0 : this.screen.length - this.#read - MOST_UNREAD;
    if (extra <= 0) return;
    this.screen = this.screen.slice(0, this.#read) + this.screen.slice(this.#read + extra);
  }

  #listen(cable: Cable): void {
    const flags = constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK;
    cable.input = new ReadStream(openSync(cable.pty.paths[1], flags));
    // What a program got is not seen here.
    cable.seen = cable.printed;
    cable.input.on('data', (bytes: Buffer) => {
      cable.seen += bytes.byteLength;
    });
    cable.input.on('error', () => undefined);
  }

  async #drop(cable: Cable | undefined): Promise<void> {
    if (cable === undefined) return;
    this.program?.kill('SIGHUP');
    await cable.pty.unplug();
    cable.input?.destroy();
    await cable.end.close().catch(() => undefined);
  }
}
