import { constants, type FileHandle, open } from 'node:fs/promises';
import { Turns } from '../base/index.ts';

/** Of offsets, lengths and addresses in memory: enough for every sector size. */
const ALIGNMENT = 4096;
/** One page of WebAssembly's. */
const PIECE = 64 * 1024;

/** Node's types do not name its constructor. */
const { Memory: WasmMemory } = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Memory: new (size: {
        readonly initial: number;
        readonly maximum: number;
      }) => { readonly buffer: ArrayBuffer };
    };
  }
).WebAssembly;

/**
 * Reads a file or block device past the kernel's page cache (O_DIRECT). Reads go one after the other, through one buffer
 * that lies where the kernel wants it.
 */
export class DirectReader {
  readonly #handle: FileHandle;
  readonly #buffer: Uint8Array;
  readonly #turns = new Turns();

  private constructor(handle: FileHandle, buffer: Uint8Array) {
    this.#handle = handle;
    this.#buffer = buffer;
  }

  /** For what this descriptor has open; undefined where there is no way past the cache. */
  static async open(fd: number): Promise<DirectReader | undefined> {
    if (constants.O_DIRECT === undefined) return undefined;
    const handle = await open(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_DIRECT).catch(
      () => undefined,
    );
    if (handle === undefined) return undefined;
    try {
      // The kernel reads into whole pages of memory only. Node says where nothing lies, but this begins with a page.
      const { buffer: page } = new WasmMemory({ initial: 1, maximum: 1 });
      const buffer = new Uint8Array(page, 0, PIECE);
      await handle.read(buffer, 0, ALIGNMENT, 0);
      return new DirectReader(handle, buffer);
    } catch {
      // No such memory here, or a file that cannot be read so.
    }
    await handle.close();
    return undefined;
  }

  /** Fills `into` as far as there is something; the number of bytes put there. Throws what the system says. */
  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#turns.take(() => this.#read(offset, into));
  }

  async close(): Promise<void> {
    await this.#turns.idle();
    await this.#handle.close();
  }

  async #read(offset: number, into: Uint8Array): Promise<number> {
    let done = 0;
    while (done < into.byteLength) {
      const at = offset + done;
      const skip = at % ALIGNMENT;
      const wanted = Math.min(PIECE, Math.ceil((skip + into.byteLength - done) / ALIGNMENT) * ALIGNMENT);
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, wanted, at - skip);
      const count = Math.min(bytesRead - skip, into.byteLength - done);
      if (count <= 0) break;
      into.set(this.#buffer.subarray(skip, skip + count), done);
      done += count;
    }
    return done;
  }
}
