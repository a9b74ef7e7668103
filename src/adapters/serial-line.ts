import type { SerialPort } from 'serialport';
import { asNsError, type Duration, NsError } from '../base/index.ts';
import type { SerialLine, Stop } from '../ports/index.ts';
import { HangUp } from './hang-up.ts';
import { systemClock } from './system-clock.ts';
import { WriteRoom } from './write-room.ts';

export interface SerialLineOptions {
  /** Bits a second. */
  readonly baudRate: number;
  /** Most bytes that wait for the line before write says no. */
  readonly buffer?: number;
  /** Hardware flow control. */
  readonly rtscts?: boolean;
}

const BUFFER = 64 * 1024;
const LONGEST_BREAK_MS = 10_000;

/**
 * Opens a serial line for nobody else beside us. NS_SERIAL where it cannot be opened. The native part is loaded here, so
 * that a program without serial lines does not carry it.
 */
export async function openSerialLine(path: string, options: SerialLineOptions): Promise<SerialLine> {
  const serial = await import('serialport').catch((cause: unknown) => {
    throw new NsError('NS_SERIAL', 'the package "serialport" is not installed here', { cause });
  });
  const port = new serial.SerialPort({
    path,
    baudRate: options.baudRate,
    autoOpen: false,
    lock: true,
    rtscts: options.rtscts ?? false,
  });
  await asked(path, (done) => port.open(done));
  return new NodeSerialLine(port, options.buffer ?? BUFFER);
}

/** One call of the package, as a promise. */
async function asked(name: string, call: (done: (error: Error | null) => void) => void): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
  } catch (cause) {
    throw new NsError('NS_SERIAL', `${name}: ${asNsError(cause).sentence.replace(/^Error:? /, '')}`, {
      cause,
    });
  }
}

class NodeSerialLine implements SerialLine {
  readonly name: string;
  readonly #port: SerialPort;
  readonly #room: WriteRoom;
  readonly #end = new HangUp();
  readonly #gone = new AbortController();
  #closing: string | undefined;

  constructor(port: SerialPort, buffer: number) {
    this.name = port.path;
    this.#port = port;
    this.#room = new WriteRoom(buffer);
    // Only a line that is read from notices that it hung up.
    port.resume();
    port.on('error', (error) => this.#close(error.message));
    // A line whose other end is gone reads as ended, or fails.
    port.on('end', () => this.#close('the line has ended'));
    port.on('close', (error: Error | null) => this.#over(error?.message ?? this.#closing ?? 'closed'));
    // A line that hangs up while it is read from gives no bytes without end, which the package takes for none yet.
    const binding = port.port;
    if (binding !== undefined && 'poller' in binding) {
      binding.poller.once('disconnect', () => this.#close('the line has hung up'));
    }
  }

  write(bytes: Uint8Array): boolean {
    if (this.#end.reason !== undefined || !this.#room.take(bytes.byteLength)) return false;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#port.write(view, undefined, () => this.#room.give(bytes.byteLength));
    return true;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#room.wait(signal);
  }

  onData(listener: (bytes: Uint8Array) => void): Stop {
    this.#port.on('data', listener);
    return () => this.#port.off('data', listener);
  }

  onHangUp(listener: (reason: string) => void): Stop {
    return this.#end.onHangUp(listener);
  }

  setBaudRate(baudRate: number): Promise<void> {
    return asked(this.name, (done) => this.#port.update({ baudRate }, done));
  }

  async sendBreak(duration: Duration): Promise<void> {
    if (!(duration >= 0 && duration <= LONGEST_BREAK_MS)) {
      throw new NsError('NS_SERIAL', `a break lasts at most ${LONGEST_BREAK_MS} ms`, { family: 'caller' });
    }
    await asked(this.name, (done) => this.#port.set({ brk: true }, done));
    await systemClock.sleep(duration, this.#gone.signal).catch(() => undefined);
    await asked(this.name, (done) => this.#port.set({ brk: false }, done));
  }

  async drained(signal: AbortSignal): Promise<void> {
    await this.#room.empty(signal);
    if (this.#end.reason !== undefined) throw new NsError('NS_SERIAL', `${this.name}: ${this.#end.reason}`);
    const left = asked(this.name, (done) => this.#port.drain(done));
    await orEnded(left, AbortSignal.any([signal, this.#gone.signal]));
  }

  async close(): Promise<void> {
    if (this.#end.reason !== undefined) return;
    const over = new Promise<void>((resolve) => this.onHangUp(() => resolve()));
    this.#close('closed');
    await over;
  }

  #close(reason: string): void {
    if (this.#end.reason !== undefined || !this.#port.isOpen) return;
    this.#closing ??= reason;
    this.#port.close((error) => this.#over(error?.message ?? reason));
  }

  #over(reason: string): void {
    if (this.#end.reason !== undefined) return;
    this.#room.close();
    this.#gone.abort(new NsError('NS_SERIAL', `${this.name}: ${reason}`));
    this.#end.tell(reason);
  }
}

/** The promise, unless the signal aborts first. */
async function orEnded(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let fail = (): void => undefined;
  const ended = new Promise<never>((_, reject) => {
    fail = (): void => reject(asNsError(signal.reason, 'NS_SERIAL'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  try {
    await Promise.race([promise, ended]);
  } finally {
    signal.removeEventListener('abort', fail);
  }
}
