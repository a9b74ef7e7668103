import { writeSync } from 'node:fs';
import { constants, type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { bytes, checkBlockRange, NsError } from '../base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../ports/index.ts';

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
  /** Makes the error that a failed system call becomes; by default NS_BLOCK_IO. */
  readonly failure?: (name: string, verb: string, cause: unknown) => NsError;
}

/** Bytes; about what a disk order and its receipt take. */
const QUICK_WRITE = 16 * 1024;

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
    return new FileDevice(handle, options.name, failure, options.quickWrites === true, {
      size: bytes(shape.size),
      sectorSize: bytes(options.sectorSize ?? shape.sectorSize),
      writable: options.writable,
      trim: false,
    });
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

class FileDevice implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly #handle: FileHandle;
  readonly #failure: (name: string, verb: string, cause: unknown) => NsError;
  readonly #quickWrites: boolean;

  constructor(
    handle: FileHandle,
    name: string,
    failure: (name: string, verb: string, cause: unknown) => NsError,
    quickWrites: boolean,
    capabilities: BlockCapabilities,
  ) {
    this.#handle = handle;
    this.name = name;
    this.#failure = failure;
    this.#quickWrites = quickWrites;
    this.capabilities = capabilities;
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, into.byteLength);
    for (let done = 0; done < into.byteLength; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.#do('read', () =>
        this.#handle.read(into, done, into.byteLength - done, offset + done),
      );
      if (bytesRead === 0) throw this.#failure(this.name, 'read', new Error(`it ends at ${offset + done}`));
      done += bytesRead;
    }
  }

  async write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, data.byteLength);
    if (!this.capabilities.writable) {
      throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} was opened read-only`, { family: 'caller' });
    }
    for (let done = 0; done < data.byteLength; ) {
      signal?.throwIfAborted();
      const { bytesWritten } = await this.#do('write', () => this.#write(data, done, offset + done));
      if (bytesWritten === 0) throw this.#failure(this.name, 'write', new Error('nothing was written'));
      done += bytesWritten;
    }
  }

  async #write(data: Uint8Array, from: number, at: number): Promise<{ readonly bytesWritten: number }> {
    const length = data.byteLength - from;
    if (!this.#quickWrites || length > QUICK_WRITE) return this.#handle.write(data, from, length, at);
    return { bytesWritten: writeSync(this.#handle.fd, data, from, length, at) };
  }

  async flush(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!this.capabilities.writable) return;
    await this.#do('flush', () => this.#handle.datasync());
  }

  /** Nothing: Node has no way to punch a hole. */
  async trim(offset: number, length: number): Promise<void> {
    checkBlockRange(this.name, this.capabilities.size, offset, length);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #do<T>(verb: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.#failure(this.name, verb, error);
    }
  }
}
