import { createHash } from 'node:crypto';
import { equalBytes, NsError } from '../base/index.ts';
import type { BlockMessage, Offer } from '../protocol/index.ts';
import { chunkLength, chunksOf } from '../transfer/index.ts';

/** So many chunks are kept: what a receiver asks for again was sent a short while ago. */
const KEPT = 4;
/** Of these the last ones: a chunk is asked for ahead of its turn, so that more of the file is known than was sent. */
const MARKS = 8;

/** The file up to some chunk's end, as it is now. */
export interface Mark {
  readonly upTo: number;
  readonly sha256: Uint8Array;
}

/** A file that a task offers by blocks, as bytes at offsets. Holds a few chunks of it. One reads at a time. */
export class OfferedFile {
  readonly size: number;
  readonly #id: Uint8Array;
  readonly #chunk: number;
  readonly #give: (message: BlockMessage) => void;
  readonly #signal: AbortSignal;
  readonly #kept = new Map<number, Uint8Array>();
  readonly #asked = new Set<number>();
  readonly #hash = createHash('sha256');
  /** Every chunk below is in the hash. */
  #hashed = 0;
  #marks: Mark[] = [];
  #why: string | undefined;
  #wake: () => void = () => undefined;

  /** `give` takes what is for the task; the signal ends all waiting. */
  constructor(
    { id, size, chunk }: Pick<Offer, 'id' | 'size' | 'chunk'>,
    give: (message: BlockMessage) => void,
    signal: AbortSignal,
  ) {
    this.#id = id;
    this.size = size;
    this.#chunk = chunk;
    this.#give = give;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** What comes from the task. */
  take(message: BlockMessage): void {
    if (message.t === 'stop') this.#why = message.why;
    else if (message.t === 'data' && this.#asked.delete(message.i)) this.#keep(message.i, message.d);
    this.#wake();
  }

  /** Fills the whole of `into`. NS_TRANSFER_STOPPED, the signal's reason. */
  async read(offset: number, into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.byteLength; ) {
      const at = offset + done;
      const index = Math.floor(at / this.#chunk);
      const data = await this.#get(index);
      const piece = data.subarray(at - index * this.#chunk).subarray(0, into.byteLength - done);
      into.set(piece, done);
      done += piece.byteLength;
    }
  }

  /** SHA-256 of all of it, of what nobody has read too. */
  async sha256(): Promise<Uint8Array> {
    await this.#hashUpTo(chunksOf(this.size, this.#chunk));
    return new Uint8Array(this.#hash.copy().digest());
  }

  /** Whether the file still is what it was when this mark was made. */
  async begins({ upTo, sha256 }: Mark): Promise<boolean> {
    if (upTo > this.size) return false;
    await this.#hashUpTo(Math.ceil(upTo / this.#chunk));
    return this.#marks.some((mark) => mark.upTo === upTo && equalBytes(mark.sha256, sha256));
  }

  /** The first mark at or behind a position that was read. */
  markAt(position: number): Mark | undefined {
    return this.#marks.find(({ upTo }) => upTo >= position);
  }

  /** The task need not give up: somebody is at work with what it has sent. */
  stillHere(): void {
    this.#give({ t: 'ask', id: this.#id, want: [[0, 0]] });
  }

  /** All of it is where it has to go. */
  end(): void {
    this.#give({ t: 'end', id: this.#id });
  }

  stop(why: string): void {
    this.#give({ t: 'stop', id: this.#id, why: why.slice(0, 500) });
  }

  async #hashUpTo(chunks: number): Promise<void> {
    while (this.#hashed < chunks) this.#addToHash(this.#hashed, await this.#get(this.#hashed));
  }

  async #get(index: number): Promise<Uint8Array> {
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.#why !== undefined)
        throw new NsError('NS_TRANSFER_STOPPED', `the task stopped the transfer: ${this.#why}`);
      const data = this.#kept.get(index);
      this.#ask(index);
      this.#ask(index + 1);
      if (data !== undefined) return data;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #ask(index: number): void {
    if (index >= chunksOf(this.size, this.#chunk) || this.#kept.has(index) || this.#asked.has(index)) return;
    this.#asked.add(index);
    this.#give({ t: 'ask', id: this.#id, want: [[index, 1]] });
  }

  #keep(index: number, data: Uint8Array): void {
    if (data.byteLength !== chunkLength(index, this.size, this.#chunk)) return;
    this.#kept.set(index, data);
    this.#addToHash(index, data);
    for (const old of this.#kept.keys()) if (this.#kept.size > KEPT) this.#kept.delete(old);
  }

  #addToHash(index: number, data: Uint8Array): void {
    if (index !== this.#hashed) return;
    this.#hash.update(data);
    this.#hashed += 1;
    const upTo = Math.min(this.#hashed * this.#chunk, this.size);
    const mark = { upTo, sha256: new Uint8Array(this.#hash.copy().digest()) };
    this.#marks = [...this.#marks, mark].slice(-MARKS);
  }
}
