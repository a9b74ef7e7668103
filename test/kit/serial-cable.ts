import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProgram } from './program-end.ts';
import { openPty, type PtyEnd } from './pty-end.ts';

export interface CableOptions {
  /** Bytes a second each way, as a real line takes them: 960 at 9600 baud. Without it as fast as they come. */
  readonly bytesPerSecond?: number;
  /** Whether there is a pseudo terminal for a terminal program at the other end; otherwise only `type` and `heard`. */
  readonly terminal?: boolean;
}

const TICK_MS = 5;

/**
 * A serial cable between pseudo terminals. The bytes go through this process, which hears all of them, types some itself, paces
 * them and pulls the cable. There is no flow control: what the line has not taken yet waits in the end that sends it.
 */
export class SerialCable {
  readonly #dir: string;
  readonly #rate: number | undefined;
  readonly #toDevice: Wire;
  readonly #toTerminal: Wire;
  #device: PtyEnd | undefined;
  #terminal: PtyEnd | undefined;
  #heard = '';

  private constructor(dir: string, rate: number | undefined) {
    this.#dir = dir;
    this.#rate = rate;
    this.#toDevice = new Wire();
    this.#toTerminal = new Wire((bytes) => {
      this.#heard += bytes.toString('latin1');
    });
  }

  static async lay({ bytesPerSecond, terminal = false }: CableOptions = {}): Promise<SerialCable> {
    const cable = new SerialCable(await mkdtemp(join(tmpdir(), 'ns-cable-')), bytesPerSecond);
    if (terminal) cable.#terminal = await openPty(cable.terminalPath);
    await cable.plug();
    return cable;
  }

  /** Where the device opens it. */
  get devicePath(): string {
    return join(this.#dir, 'device');
  }

  /** Where a terminal program opens it. */
  get terminalPath(): string {
    return join(this.#dir, 'terminal');
  }

  /** All that the device has printed and the line has brought, a character a byte. */
  get heard(): string {
    return this.#heard;
  }

  /** Bytes that the line has brought to the device. */
  get typed(): number {
    return this.#toDevice.carried;
  }

  /** Puts keys on the line, after those that wait there; from the other end as far as the device is concerned. */
  type(text: string | Uint8Array): void {
    this.#toDevice.push(Buffer.from(text as string, 'latin1'));
  }

  /** Nobody takes what the device prints any more, until `read`. */
  stopReading(): void {
    this.#toTerminal.stop();
  }

  read(): void {
    const device = this.#device?.socket;
    if (device !== undefined) this.#toTerminal.join(device, this.#terminal?.socket, this.#rate);
  }

  /** A program has the other end until it has ended: its exit status. What the line has not taken of it waits in it. */
  async run(program: string, args: readonly string[], cwd: string): Promise<number | null> {
    const device = this.#device?.socket;
    if (device === undefined) throw new Error('the cable is not plugged in');
    const { socket, ended } = await openProgram(program, args, cwd);
    this.#toDevice.join(socket, device, this.#rate);
    this.#toTerminal.join(device, socket, this.#rate);
    const code = await ended;
    socket.destroy();
    this.#toDevice.join(this.#terminal?.socket, device, this.#rate);
    this.read();
    return code;
  }

  /** Pulls the cable at the device, which is hung up on. */
  async unplug(): Promise<void> {
    this.#toDevice.stop();
    this.#toDevice.drop();
    this.#toTerminal.stop();
    await this.#device?.hangUp();
    this.#device = undefined;
  }

  async plug(): Promise<void> {
    this.#device = await openPty(this.devicePath);
    this.#toDevice.join(this.#terminal?.socket, this.#device.socket, this.#rate);
    this.read();
  }

  async remove(): Promise<void> {
    await this.unplug();
    await this.#terminal?.hangUp();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** One direction. */
class Wire {
  carried = 0;
  readonly #tap: (bytes: Buffer) => void;
  #pushed: Buffer = Buffer.alloc(0);
  #stop: (() => void) | undefined;

  constructor(tap: (bytes: Buffer) => void = () => undefined) {
    this.#tap = tap;
  }

  push(bytes: Buffer): void {
    this.#pushed = Buffer.concat([this.#pushed, bytes]);
  }

  drop(): void {
    this.#pushed = Buffer.alloc(0);
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  join(from: Socket | undefined, to: Socket | undefined, rate: number | undefined): void {
    this.stop();
    let last = performance.now();
    let credit = 0;
    const carry = (): void => {
      const now = performance.now();
      // A line that was silent carries no more afterwards.
      credit = rate === undefined ? 65_536 : Math.min(credit + ((now - last) * rate) / 1000, rate / 10);
      last = now;
      while (credit >= 1 && to?.writableNeedDrain !== true) {
        const bytes = this.#next(from, Math.floor(credit));
        if (bytes === undefined) return;
        credit -= bytes.length;
        this.carried += bytes.length;
        this.#tap(bytes);
        to?.write(bytes);
      }
    };
    const ticking = setInterval(carry, TICK_MS);
    from?.on('readable', carry);
    this.#stop = () => {
      clearInterval(ticking);
      from?.off('readable', carry);
    };
  }

  #next(from: Socket | undefined, most: number): Buffer | undefined {
    if (this.#pushed.length > 0) {
      const bytes = this.#pushed.subarray(0, most);
      this.#pushed = this.#pushed.subarray(bytes.length);
      return bytes;
    }
    const there = from?.readableLength ?? 0;
    // Also where there is nothing: this is what has the socket read on.
    const bytes = from?.read(there === 0 ? undefined : Math.min(there, most)) as Buffer | null | undefined;
    return bytes ?? undefined;
  }
}
