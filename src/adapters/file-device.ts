import { readSync, writeSync } from 'node:fs';
import { constants, type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { bytes, checkBlockRange, milliseconds, NsError } from '../base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../ports/index.ts';
import { AccessPace, type Waited } from './access-pace.ts';
import type { DirectReader } from './direct-reader.ts';

export interface FileDeviceOptions {
  /** For people and logs. */
  readonly name: string;
  readonly writable: boolean;
  /** Logical sector size; by default what the kernel says of a block device, and 512 for a regular file. */
  readonly sectorSize?: 512 | 4096;
  /**
   * Small writes are made at once instead of by a worker: for our own storage, where a write goes to memory and only the
   * flush waits. Never for a host's disk.
   */
  readonly quickWrites?: boolean;
  /**
   * Accesses are made at once, holding the event loop, while they are measured to be as quick as memory: for a process
   * that does nothing but serve disks, and has the page cache in mind.
   */
  readonly adaptive?: boolean;
  /** Reads past the page cache too, where the system can: for a host's disk. */
  readonly medium?: boolean;
  /** Makes the error that a failed system call becomes; by default NS_BLOCK_IO. */
  readonly failure?: (name: string, verb: string, cause: unknown) => NsError;
}

/** Bytes; about what a disk order and its receipt take. */
const QUICK_WRITE = 16 * 1024;
/** Bytes of one access that may hold the event loop: some hundred microseconds of copying. */
const LARGEST_AT_ONCE = 1024 * 1024;

/**
 * Opens a regular file or a block device. Where a block device is to be written it is claimed exclusively, which the
 * kernel refuses while anything on it is mounted. Larger than 2^53-1 bytes: NS_BLOCK_TOO_LARGE.
 */
export async function openFileDevice(path: string, options: FileDeviceOptions): Promise<BlockDevice> {
  const failure = options.failure ?? blockFailure;
  let handle: FileHandle | undefined;
  try {
    // What it is, before it is opened for writing: a pipe or a tape must not be touched at all.
    const kind = await stat(path);
    const isBlock = kind.isBlockDevice();
    if (!isBlock && !kind.isFile()) {
      throw new NsError('NS_BLOCK_KIND', `${path} is neither a regular file nor a block device`, {
        family: 'caller',
      });
    }
    const access = options.writable ? constants.O_RDWR : constants.O_RDONLY;
    handle = await open(path, isBlock && options.writable ? access | constants.O_EXCL : access);
    const opened = await handle.stat();
    const shape = isBlock ? await blockDeviceShape(opened.rdev) : { size: opened.size, sectorSize: 512 };
    if (!Number.isSafeInteger(shape.size)) {
      throw new NsError('NS_BLOCK_TOO_LARGE', `${path} is larger than 2^53-1 bytes`);
    }
    const direct =
      options.medium === true
        ? await (await import('./direct-reader.ts')).DirectReader.open(handle.fd)
        : undefined;
    return new FileDevice(
      handle,
      direct,
      { ...options, failure },
      {
        size: bytes(shape.size),
        sectorSize: bytes(options.sectorSize ?? shape.sectorSize),
        writable: options.writable,
        trim: false,
      },
    );
  } catch (error) {
    await handle?.close();
    if (error instanceof NsError) throw error;
    throw failure(options.name, 'open', error);
  }
}

/** A block device's size and logical sector size, from sysfs. `rdev` as stat gives it. */
async function blockDeviceShape(rdev: number): Promise<{ size: number; sectorSize: number }> {
  const major = Math.floor(rdev / 256) & 0xfff;
  const minor = (rdev & 0xff) | ((Math.floor(rdev / 0x100000) & 0xfff) << 8);
  const base = `/sys/dev/block/${major}:${minor}`;
  const number = async (path: string): Promise<number> => Number((await readFile(path, 'ascii')).trim());
  // The kernel counts in units of 512 whatever the sector size is. A partition has its queue in its parent.
  const sectors = await number(`${base}/size`);
  const sectorSize = await number(`${base}/queue/logical_block_size`).catch(() =>
    number(`${base}/../queue/logical_block_size`),
  );
  return { size: sectors * 512, sectorSize };
}

function blockFailure(name: string, verb: string, cause: unknown): NsError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new NsError('NS_BLOCK_IO', `${verb} failed on ${name}: ${text}`, { cause });
}

/** Nothing tells whether a write waited for room in memory or for the processor. */
const writeWaited = (): Waited => 'perhaps';

class FileDevice implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly #handle: FileHandle;
  readonly #failure: (name: string, verb: string, cause: unknown) => NsError;
  readonly #quickWrites: boolean;
  readonly #pace: AccessPace | undefined;
  #diskReads = 0;
  readonly #direct: DirectReader | undefined;
  readonly readMedium?: NonNullable<BlockDevice['readMedium']>;

  constructor(
    handle: FileHandle,
    direct: DirectReader | undefined,
    options: FileDeviceOptions & Required<Pick<FileDeviceOptions, 'failure'>>,
    capabilities: BlockCapabilities,
  ) {
    this.#handle = handle;
    this.name = options.name;
    this.#failure = options.failure;
    this.#quickWrites = options.quickWrites === true;
    this.#pace = options.adaptive === true ? new AccessPace() : undefined;
    this.capabilities = capabilities;
    this.#direct = direct;
    if (direct !== undefined)
      this.readMedium = (offset, into, signal) => this.#readDirect(direct, offset, into, signal);
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    for (let done = 0; done < into.byteLength; ) {
      signal?.throwIfAborted();
      const count = this.#mayHoldLoop(into.byteLength)
        ? this.#readAtOnce(into, done, offset + done)
        : await this.#pooled('read', () => this.#readPooled(into, done, offset + done));
      if (count === 0) throw this.#failure(this.name, 'read', new Error(`it ends at ${offset + done}`));
      done += count;
    }
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#checkWrite(offset, data.byteLength);
    for (let done = 0; done < data.byteLength; ) {
      signal?.throwIfAborted();
      const isQuick = this.#quickWrites && data.byteLength - done <= QUICK_WRITE;
      const count =
        isQuick || this.#mayHoldLoop(data.byteLength)
          ? this.#writeAtOnce(done === 0 ? data : data.subarray(done), offset + done)
          : await this.#pooled('write', () => this.#writePooled(data, done, offset + done));
      if (count === 0) throw this.#failure(this.name, 'write', new Error('nothing was written'));
      done += count;
    }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!this.capabilities.writable) return;
    await this.#pooled('flush', () => this.#handle.datasync());
  }

  /** Nothing: Node has no way to punch a hole. */
  async trim(offset: number, length: number): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
  }

  async close(): Promise<void> {
    await this.#direct?.close();
    await this.#handle.close();
  }

  async #readDirect(
    direct: DirectReader,
    offset: number,
    into: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    signal?.throwIfAborted();
    const count = await this.#pooled('read', () => direct.read(offset, into));
    if (count < into.byteLength)
      throw this.#failure(this.name, 'read', new Error(`it ends at ${offset + count}`));
  }

  #checkWrite(offset: number, length: number): void {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
    if (!this.capabilities.writable) {
      throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} was opened read-only`, { family: 'caller' });
    }
  }

  #mayHoldLoop(size: number): boolean {
    return this.#pace !== undefined && size <= LARGEST_AT_ONCE && this.#pace.mayHoldLoop();
  }

  #readAtOnce(into: Uint8Array, from: number, at: number): number {
    const begin = performance.now();
    try {
      const count = readSync(this.#handle.fd, into, from, into.byteLength - from, at);
      this.#pace?.measured(count, milliseconds(performance.now() - begin), this.#readWaited);
      return count;
    } catch (error) {
      throw this.#failure(this.name, 'read', error);
    }
  }

  #writeAtOnce(data: Uint8Array, at: number): number {
    const begin = performance.now();
    try {
      const count = writeSync(this.#handle.fd, data, 0, data.byteLength, at);
      this.#pace?.measured(count, milliseconds(performance.now() - begin), writeWaited);
      return count;
    } catch (error) {
      throw this.#failure(this.name, 'write', error);
    }
  }

  async #readPooled(into: Uint8Array, from: number, at: number): Promise<number> {
    return (await this.#handle.read(into, from, into.byteLength - from, at)).bytesRead;
  }

  async #writePooled(data: Uint8Array, from: number, at: number): Promise<number> {
    return (await this.#handle.write(data, from, data.byteLength - from, at)).bytesWritten;
  }

  /** Since this was last asked. A process that had to wait for the processor has read nothing. */
  readonly #readWaited = (): Waited => {
    const { fsRead } = process.resourceUsage();
    const before = this.#diskReads;
    this.#diskReads = fsRead;
    return fsRead === before ? 'no' : 'yes';
  };

  async #pooled<T>(verb: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.#failure(this.name, verb, error);
    }
  }
}
