import type { Socket } from 'node:net';
import type { BufferPool } from './buffer-pool.ts';

/** What is given back once messages have left. */
export type Released = (messages: number, weight: number) => void;

/** Parts up to this many bytes are copied together: a copy costs less than a part of its own. */
const SMALL = 1024;

/** More bytes than this are not held back for others to go with: the peer takes them while the next are made. */
const LARGE = 128 * 1024;

/** Sends messages: all small ones that were ready within one turn of the event loop go with one system call. */
export class MessageWriter {
  readonly #socket: Socket;
  readonly #pool: BufferPool;
  readonly #released: Released;
  #parts: Uint8Array[] = [];
  #borrowed: Buffer[] = [];
  #messages = 0;
  #weight = 0;
  #bytes = 0;
  #scheduled = false;

  constructor(socket: Socket, pool: BufferPool, released: Released) {
    this.#socket = socket;
    this.#pool = pool;
    this.#released = released;
  }

  /** `weight` bytes count as held until they have left; `borrowed` goes back to the pool then. */
  send(parts: readonly Uint8Array[], weight: number, borrowed?: Buffer): void {
    for (const part of parts) this.#parts.push(part);
    if (borrowed !== undefined) this.#borrowed.push(borrowed);
    this.#messages += 1;
    this.#weight += weight;
    this.#bytes += parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (this.#bytes > LARGE) {
      this.#flush();
      return;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Behind all promises that are settled by now, before the loop waits for anything new.
    process.nextTick(() => {
      this.#scheduled = false;
      if (this.#messages > 0) this.#flush();
    });
  }

  #flush(): void {
    const parts = joined(this.#parts);
    const borrowed = this.#borrowed;
    const messages = this.#messages;
    const weight = this.#weight;
    this.#parts = [];
    this.#borrowed = [];
    this.#messages = 0;
    this.#weight = 0;
    this.#bytes = 0;
    const socket = this.#socket;
    const left = (): void => {
      for (const buffer of borrowed) this.#pool.give(buffer);
      this.#released(messages, weight);
    };
    if (socket.destroyed || socket.writableEnded) {
      left();
      return;
    }
    const last = parts.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i += 1) socket.write(parts[i]!);
    socket.write(parts[last]!, left);
    if (last > 0) socket.uncork();
  }
}

/** The same bytes in as few parts as is cheap. */
function joined(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  if (parts.length === 1) return parts;
  const all: Uint8Array[] = [];
  for (let at = 0; at < parts.length; ) {
    let end = at;
    let size = 0;
    while (end < parts.length && parts[end]!.byteLength <= SMALL) {
      size += parts[end]!.byteLength;
      end += 1;
    }
    if (end - at < 2) {
      all.push(parts[at]!);
      at += 1;
      continue;
    }
    const whole = Buffer.allocUnsafe(size);
    for (let to = 0; at < end; at += 1) {
      whole.set(parts[at]!, to);
      to += parts[at]!.byteLength;
    }
    all.push(whole);
  }
  return all;
}
