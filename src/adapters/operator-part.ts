import { type FileHandle, link, open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NsError } from '../base/index.ts';
import type { PartFile } from '../ports/index.ts';
import { clearRange } from '../transfer/index.ts';

interface Sidecar {
  readonly key: string;
  readonly map: string;
}

/** NS_LOCAL_FILE: "PATH cannot be DOING: why". */
export function localFault(path: string, doing: string, cause: unknown): NsError {
  if (cause instanceof NsError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NsError('NS_LOCAL_FILE', `${path} cannot be ${doing}: ${why}`, { cause });
}

async function readSidecar(path: string): Promise<Sidecar | undefined> {
  try {
    const read: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof read !== 'object' || read === null || !('key' in read) || !('map' in read)) return undefined;
    return typeof read.key === 'string' && typeof read.map === 'string'
      ? { key: read.key, map: read.map }
      : undefined;
  } catch {
    // None, or one that a power cut spoilt: the part is fetched anew.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One program at a time works on a part. The lock of a program that died is taken over. */
async function takeLock(path: string): Promise<void> {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if (owner > 0 && owner !== process.pid && isAlive(owner))
        throw new Error(`process ${owner} is writing it`);
      if (owner === process.pid) throw new Error('another transfer of this command is writing it');
      await rm(path, { force: true });
    }
  }
  throw new Error('its lock is taken again and again');
}

/**
 * Opens the part of `path` for contents known by `key`: PATH.nightshift-part, with PATH.nightshift-part.map beside it.
 * A part of other contents is thrown away. NS_LOCAL_FILE where the file system says no.
 */
export async function openPart(path: string, key: string, size: number, replace: boolean): Promise<PartFile> {
  const partPath = `${path}.nightshift-part`;
  const mapPath = `${partPath}.map`;
  const lockPath = `${partPath}.lock`;
  let handle: FileHandle | undefined;
  let map: Uint8Array | undefined;
  await takeLock(lockPath).catch((error: unknown) => {
    throw localFault(path, 'written', error);
  });
  try {
    const sidecar = await readSidecar(mapPath);
    const there = await stat(partPath).catch(() => undefined);
    const goOn = sidecar?.key === key && there?.size === size;
    handle = await open(partPath, goOn ? 'r+' : 'w+', 0o600);
    if (goOn) map = new Uint8Array(Buffer.from(sidecar.map, 'base64'));
    else {
      await rm(mapPath, { force: true });
      await handle.truncate(size);
    }
  } catch (error) {
    await handle?.close();
    await rm(lockPath, { force: true });
    throw localFault(path, 'written', error);
  }
  return new Part(path, { partPath, mapPath, lockPath, key, replace }, handle, map);
}

interface PartPlaces {
  readonly partPath: string;
  readonly mapPath: string;
  readonly lockPath: string;
  readonly key: string;
  readonly replace: boolean;
}

class Part implements PartFile {
  readonly map: Uint8Array | undefined;
  readonly #path: string;
  readonly #at: PartPlaces;
  readonly #handle: FileHandle;

  constructor(path: string, places: PartPlaces, handle: FileHandle, map: Uint8Array | undefined) {
    this.#path = path;
    this.#at = places;
    this.#handle = handle;
    this.map = map;
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return this.#do('written', async () => {
      for (let done = 0; done < data.byteLength; ) {
        done += (await this.#handle.write(data, done, data.byteLength - done, offset + done)).bytesWritten;
      }
    });
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#do('read back', () => readWhole(this.#handle, offset, into));
  }

  /** What an earlier try wrote and did not note may be there; a part that is new is one hole. */
  async zero(offset: number, length: number): Promise<void> {
    if (this.map === undefined) return;
    const store = {
      read: (at: number, into: Uint8Array) => this.read(at, into),
      write: (at: number, data: Uint8Array) => this.write(at, data),
    };
    await clearRange(store, { offset, length }, new AbortController().signal);
  }

  flush(): Promise<void> {
    return this.#do('flushed', () => this.#handle.datasync());
  }

  saveMap(map: Uint8Array): Promise<void> {
    const { mapPath, key } = this.#at;
    return this.#do('noted', async () => {
      const text = JSON.stringify({ key, map: Buffer.from(map).toString('base64') });
      await writeFile(`${mapPath}.new`, text, { mode: 0o600 });
      await rename(`${mapPath}.new`, mapPath);
    });
  }

  finish(mtime: number): Promise<void> {
    const { partPath, mapPath, replace } = this.#at;
    return this.#do('finished', async () => {
      await this.#handle.sync();
      await utimes(partPath, mtime, mtime);
      await this.#handle.close();
      if (replace) await rename(partPath, this.#path);
      else {
        // A link fails where a file of that name has appeared meanwhile; a rename would replace it.
        await link(partPath, this.#path);
        await rm(partPath);
      }
      await rm(mapPath, { force: true });
      await this.#unlock();
      const directory = await open(dirname(this.#path), 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    });
  }

  async keep(): Promise<void> {
    await this.#handle.close();
    await this.#unlock();
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#at.partPath, { force: true });
    await rm(this.#at.mapPath, { force: true });
    await this.#unlock();
  }

  #unlock(): Promise<void> {
    return rm(this.#at.lockPath, { force: true });
  }

  async #do(doing: string, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      throw localFault(this.#path, doing, error);
    }
  }
}

/** Fills the whole of `into`, or throws where the file ends before. */
export async function readWhole(handle: FileHandle, offset: number, into: Uint8Array): Promise<void> {
  for (let done = 0; done < into.byteLength; ) {
    const { bytesRead } = await handle.read(into, done, into.byteLength - done, offset + done);
    if (bytesRead === 0) throw new Error('it became shorter');
    done += bytesRead;
  }
}
