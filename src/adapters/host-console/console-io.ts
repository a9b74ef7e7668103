import { BoundedQueue, NsError } from '../../base/index.ts';
import type { HostConsole } from '../../ipmi/index.ts';
import type { Channel, ChannelValue, IoDevices, Stop } from '../../ports/index.ts';

/** Of what the host said, until somebody reads it; the oldest goes first. */
const KEPT = 4096;

/** A host's serial console as a channel of kind uart: for a board whose only I/O it is. */
export class ConsoleIo implements IoDevices {
  readonly #channel: Channel;
  readonly #console: HostConsole;
  readonly #listeners = new Set<(value: ChannelValue) => void>();
  readonly #heard = new BoundedQueue<number>(KEPT);
  readonly #stop: Stop;

  constructor(name: string, console: HostConsole) {
    this.#channel = { name, kind: 'uart', readable: true, writable: true, unit: 'bytes' };
    this.#console = console;
    this.#stop = console.onData((bytes) => this.#hear(bytes));
  }

  channels(): readonly Channel[] {
    return [this.#channel];
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    this.#check(name);
    const bytes = Uint8Array.from(this.#heard);
    while (this.#heard.shift() !== undefined);
    return bytes;
  }

  async write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#check(name);
    if (typeof value === 'number') {
      throw new NsError('NS_IO_FAILED', `${name} takes bytes`, { family: 'caller' });
    }
    if (!this.#console.write(value)) {
      throw new NsError('NS_IO_FAILED', `${name} takes nothing now: nobody reads at its other end`, {
        retryable: true,
      });
    }
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    this.#check(name);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stop();
  }

  #hear(bytes: Uint8Array): void {
    if (this.#listeners.size > 0) {
      for (const listener of [...this.#listeners]) listener(bytes);
      return;
    }
    for (const byte of bytes) this.#heard.pushDroppingOldest(byte);
  }

  #check(name: string): void {
    if (name === this.#channel.name) return;
    throw new NsError('NS_IO_UNKNOWN', `there is no channel ${name}`, { family: 'caller' });
  }
}
