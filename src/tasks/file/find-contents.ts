import { createHash } from 'node:crypto';
import { equalBytes, MiB } from '../../base/index.ts';
import type { OpenFile } from '../../ports/index.ts';
import { ByteSearch } from './find-bytes.ts';

const CHUNK = 1 * MiB;

/** What a file is to hold. */
export interface ContentsWish {
  readonly sha256?: Uint8Array | undefined;
  readonly contains?: Uint8Array | undefined;
}

/** What was found in it. */
export interface ContentsFound {
  readonly sha256?: Uint8Array;
  readonly at?: number;
}

/** Looks into files, one at a time: the next piece is read while one is looked at. */
export class ContentsLook {
  readonly #wish: ContentsWish;
  readonly #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  #turn: 0 | 1 = 0;

  constructor(wish: ContentsWish) {
    this.#wish = wish;
  }

  /** Undefined where the file does not hold what it is to. `onPiece` is waited for with each piece that was read. */
  async into(
    file: OpenFile,
    signal: AbortSignal,
    onPiece: () => Promise<void>,
  ): Promise<ContentsFound | undefined> {
    const { sha256, contains } = this.#wish;
    const { size } = file.stat;
    if (contains !== undefined && size < contains.byteLength) return undefined;
    const hash = sha256 === undefined ? undefined : createHash('sha256');
    const search = contains === undefined ? undefined : new ByteSearch(contains);
    let at: number | undefined;
    let coming = this.#read(file, 0, signal);
    for (let done = 0; ; ) {
      const piece = await coming;
      done += piece.byteLength;
      await onPiece();
      const last = piece.byteLength === 0 || done >= size;
      if (!last) coming = this.#read(file, done, signal);
      hash?.update(piece);
      at ??= search?.take(piece);
      if (at !== undefined && hash === undefined) {
        // Nobody waits for the piece that is being read, and its buffer is wanted again.
        if (!last) await coming.catch(() => undefined);
        return { at };
      }
      if (last) break;
    }
    if (search !== undefined && at === undefined) return undefined;
    const found = hash === undefined ? undefined : new Uint8Array(hash.digest());
    if (found !== undefined && sha256 !== undefined && !equalBytes(found, sha256)) return undefined;
    return { ...(found === undefined ? {} : { sha256: found }), ...(at === undefined ? {} : { at }) };
  }

  async #read(file: OpenFile, from: number, signal: AbortSignal): Promise<Uint8Array> {
    const wanted = Math.min(CHUNK, Math.max(0, file.stat.size - from));
    this.#turn = this.#turn === 0 ? 1 : 0;
    const which = this.#turn;
    if (this.#buffers[which].byteLength < wanted) this.#buffers[which] = new Uint8Array(wanted);
    const into = this.#buffers[which].subarray(0, wanted);
    return into.subarray(0, wanted === 0 ? 0 : await file.read(from, into, signal));
  }
}
