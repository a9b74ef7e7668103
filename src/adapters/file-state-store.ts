import {
  chmod,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { join } from 'node:path';
import { NsError } from '../base/index.ts';
import type { BlockDevice, StagedFile, StateStore } from '../ports/index.ts';
import { openFileDevice } from './file-device.ts';

/** A state store that is a directory, with the path of what it keeps, for tools that read staged files. */
export interface FileStateStore extends StateStore {
  /** Where the staged file, region or document lies. */
  pathOf(name: string): string;
}

export interface FileStateOptions {
  /** The most bytes that may be kept here; by default what the filesystem has. */
  readonly quota?: number;
}

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
const TEMPORARY = '.new.';
const ZEROS = new Uint8Array(256 * 1024);

/**
 * Opens a directory of ours, made where it is not there (0700; files 0600). What an earlier run left half made is
 * removed. One process at a time.
 */
export async function openFileStateStore(
  directory: string,
  options: FileStateOptions = {},
): Promise<FileStateStore> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    for (const name of await readdir(directory)) {
      if (name.startsWith(TEMPORARY)) await rm(join(directory, name));
    }
  } catch (error) {
    throw stateFailure(directory, 'open', error);
  }
  return new DirectoryStore(directory, options.quota);
}

function stateFailure(name: string, verb: string, cause: unknown): NsError {
  if (cause instanceof NsError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new NsError('NS_STATE_FULL', `own storage has no room for ${name}`, { cause });
  }
  const text = cause instanceof Error ? cause.message : String(cause);
  return new NsError('NS_STATE_IO', `${verb} of ${name} failed on own storage: ${text}`, { cause });
}

class DirectoryStore implements FileStateStore {
  readonly #directory: string;
  readonly #quota: number | undefined;
  /** Bytes of each name, read once: nobody else writes here. */
  #sizes: Promise<Map<string, number>> | undefined;
  /** A failed sync may have dropped the very pages that it was to keep, so nothing after it can be believed. */
  #broken: NsError | undefined;

  constructor(directory: string, quota: number | undefined) {
    this.#directory = directory;
    this.#quota = quota;
  }

  pathOf(name: string): string {
    if (!NAME.test(name)) {
      throw new NsError('NS_STATE_NAME', `${JSON.stringify(name)} is no name for own storage`, {
        family: 'caller',
      });
    }
    return join(this.#directory, name);
  }

  async readDocument(name: string): Promise<Uint8Array | undefined> {
    const path = this.pathOf(name);
    return this.#do(name, 'read', async () => {
      try {
        return new Uint8Array(await readFile(path));
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    });
  }

  async writeDocument(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.pathOf(name);
    await this.#do(name, 'write', async () => {
      await this.#roomFor(name, bytes.byteLength);
      await this.#create(name, path, bytes.byteLength, (handle) => writeWhole(handle, bytes, 0));
    });
  }

  async region(name: string, size: number): Promise<BlockDevice> {
    const path = this.pathOf(name);
    return this.#do(name, 'open', async () => {
      if (!(await this.#isThere(name, path, size))) {
        await this.#roomFor(name, size);
        // Zeros are really written, so that no later write has to allocate.
        await this.#create(name, path, size, async (handle) => {
          for (let at = 0; at < size; at += ZEROS.byteLength) {
            await writeWhole(handle, ZEROS.subarray(0, Math.min(ZEROS.byteLength, size - at)), at);
          }
        });
      }
      return this.#device(name, path);
    });
  }

  async stagedFile(name: string, size: number): Promise<StagedFile> {
    const path = this.pathOf(name);
    return this.#do(name, 'open', async () => {
      if (!(await this.#isThere(name, path, size))) {
        await this.#roomFor(name, size);
        await this.#create(name, path, size, (handle) => handle.truncate(size));
      }
      return { name, size, data: await this.#device(name, path) };
    });
  }

  async remove(name: string): Promise<void> {
    const path = this.pathOf(name);
    await this.#do(name, 'remove', async () => {
      await rm(path, { force: true });
      (await this.#known()).delete(name);
      await this.#syncDirectory();
    });
  }

  async names(prefix: string): Promise<readonly string[]> {
    return this.#do(prefix, 'list', async () =>
      (await readdir(this.#directory)).filter((name) => NAME.test(name) && name.startsWith(prefix)).sort(),
    );
  }

  async free(): Promise<number> {
    return this.#do('the directory', 'measure', async () => {
      const { bavail, bsize } = await statfs(this.#directory);
      const available = bavail * bsize;
      if (this.#quota === undefined) return available;
      const used = [...(await this.#known()).values()].reduce((sum, size) => sum + size, 0);
      return Math.max(0, Math.min(available, this.#quota - used));
    });
  }

  /** What is there. To ask the directory at each write would cost more than the write. */
  #known(): Promise<Map<string, number>> {
    this.#sizes ??= this.#measure().catch((error: unknown) => {
      this.#sizes = undefined;
      throw error;
    });
    return this.#sizes;
  }

  async #measure(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    const measure = async (name: string): Promise<void> => {
      try {
        sizes.set(name, (await stat(join(this.#directory, name))).size);
      } catch (error) {
        // It was removed meanwhile.
        if (!isAbsent(error)) throw error;
      }
    };
    await Promise.all((await this.names('')).map(measure));
    return sizes;
  }

  /** Makes the file whole under another name, then gives it its own: it is there wholly or not at all. */
  async #create(
    name: string,
    path: string,
    size: number,
    fill: (handle: FileHandle) => Promise<void>,
  ): Promise<void> {
    const temporary = join(this.#directory, `${TEMPORARY}${name}`);
    const sizes = await this.#known();
    try {
      const handle = await open(temporary, 'w', 0o600);
      try {
        await fill(handle);
        await this.#sync(name, handle);
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
      sizes.set(name, size);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await this.#syncDirectory();
  }

  async #isThere(name: string, path: string, size: number): Promise<boolean> {
    try {
      const found = await stat(path);
      if (found.size === size) return true;
      throw new NsError('NS_STATE_SIZE', `${name} is there with ${found.size} bytes, not ${size}`, {
        family: 'caller',
      });
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  async #roomFor(name: string, size: number): Promise<void> {
    if (size > (await this.free())) {
      throw new NsError('NS_STATE_FULL', `own storage has no room for ${name} of ${size} bytes`);
    }
  }

  #device(name: string, path: string): Promise<BlockDevice> {
    return openFileDevice(path, {
      name,
      writable: true,
      quickWrites: true,
      failure: (device, verb, cause) => {
        const error = stateFailure(device, verb, cause);
        if (verb === 'flush') this.#broken ??= error;
        return error;
      },
    });
  }

  async #syncDirectory(): Promise<void> {
    const handle = await open(this.#directory, 'r');
    try {
      await this.#sync('the directory', handle);
    } finally {
      await handle.close();
    }
  }

  async #sync(name: string, handle: FileHandle): Promise<void> {
    try {
      await handle.sync();
    } catch (error) {
      this.#broken ??= new NsError('NS_STATE_IO', `own storage did not keep ${name}`, { cause: error });
      throw this.#broken;
    }
  }

  async #do<T>(name: string, verb: string, call: () => Promise<T>): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      return await call();
    } catch (error) {
      throw stateFailure(name, verb, error);
    }
  }
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
