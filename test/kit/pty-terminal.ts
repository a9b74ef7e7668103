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
}

/** What passes on the line: may pull the cable. */
export type Watch = (way: 'to device' | 'from device', bytes: number) => void;

/**
 * Somebody with a terminal program at a real serial line, which is a pair of pseudo terminals, and with lrzsz. The cable can be
 * pulled, and another one put in.
 */
export class PtyTerminal {
  screen = '';
  watch: Watch | undefined;
  #read = 0;
  #cable: Cable | undefined;
  /** What runs on the line. */
  program: ChildProcess | undefined;

  /** For the agent: the line as it is now. */
  readonly openLine = async (_path: string, baudRate: number): Promise<SerialLine> => {
    if (this.#cable === undefined) throw new Error('no cable');
    const line = await openSerialLine(this.#cable.pty.paths[0], { baudRate });
    return {
      name: line.name,
      write: (bytes) => {
        const taken = line.write(bytes);
        if (taken) this.watch?.('from device', bytes.byteLength);
        return taken;
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
    this.#cable = { pty, end, input: this.#listen(pty.paths[1]) };
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
    cable.input?.destroy();
    cable.input = undefined;
    const child = spawn(program, args, { cwd, stdio: [end.fd, end.fd, 'ignore'] });
    this.program = child;
    const [status] = (await once(child, 'exit')) as [number | null];
    this.program = undefined;
    if (this.#cable === cable) cable.input = this.#listen(cable.pty.paths[1]);
    return status;
  }

  #listen(path: string): ReadStream {
    const input = new ReadStream(
      openSync(path, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK),
    );
    input.on('data', (bytes: Buffer) => {
      this.screen += bytes.toString('latin1');
    });
    input.on('error', () => undefined);
    return input;
  }

  async #drop(cable: Cable | undefined): Promise<void> {
    if (cable === undefined) return;
    this.program?.kill('SIGHUP');
    await cable.pty.unplug();
    cable.input?.destroy();
    await cable.end.close().catch(() => undefined);
  }
}
