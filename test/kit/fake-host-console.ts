import type { HostConsole } from '../../src/ipmi/index.ts';
import type { Stop } from '../../src/ports/index.ts';

/** A host's serial console by hand. */
export class FakeHostConsole implements HostConsole {
  /** What it was told; a break is "<break>". */
  heard = '';
  /** Bytes that it takes before it has no room. */
  room = Number.POSITIVE_INFINITY;
  readonly #data = new Set<(bytes: Uint8Array) => void>();
  readonly #watchers = new Set<(available: boolean) => void>();
  #available = true;

  /** How many listen to it. */
  get listeners(): number {
    return this.#data.size + this.#watchers.size;
  }

  write(bytes: Uint8Array): boolean {
    if (bytes.byteLength > this.room) return false;
    this.room -= bytes.byteLength;
    this.heard += Buffer.from(bytes).toString('latin1');
    return true;
  }

  say(text: string): void {
    for (const listener of [...this.#data]) listener(Buffer.from(text, 'latin1'));
  }

  onData(listener: (bytes: Uint8Array) => void): Stop {
    this.#data.add(listener);
    return () => this.#data.delete(listener);
  }

  async sendBreak(): Promise<void> {
    this.heard += '<break>';
  }

  onAvailable(listener: (available: boolean) => void): Stop {
    this.#watchers.add(listener);
    listener(this.#available);
    return () => this.#watchers.delete(listener);
  }

  setAvailable(available: boolean): void {
    this.#available = available;
    for (const watcher of [...this.#watchers]) watcher(available);
  }
}
