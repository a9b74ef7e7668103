import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NsError, sentenceOf } from '../base/index.ts';

/** What is done to the disk; tests bring their own, to cut the power between two steps. */
export const DISK = {
  list: (directory: string): Promise<string[]> => readdir(directory),
  read: (path: string): Promise<string> => readFile(path, 'utf8'),
  /** A new file, on stable storage. */
  write: async (path: string, text: string): Promise<void> => {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  /** Gives a file a second name; EEXIST where the name is taken. */
  link: (from: string, to: string): Promise<void> => link(from, to),
  syncDirectory: async (directory: string): Promise<void> => {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  remove: (path: string): Promise<void> => rm(path, { force: true }),
};

export type Disk = typeof DISK;

/** Versions that stay. */
const KEPT = 16;
const MOST_TRIES = 1000;
const NAME = /^(\d{10})\.json$/;

/**
 * A text in a directory of its own, one file for each version of it. A new version is a name that is taken for good by
 * link(2): of two programs that come at once one is told so, and begins again from the other's. There is no lock that
 * could be left behind, and after a power cut the newest name is a whole file.
 */
export class VersionedFile {
  readonly directory: string;
  readonly #disk: Disk;

  constructor(directory: string, disk: Disk = DISK) {
    this.directory = directory;
    this.#disk = disk;
  }

  /** The newest text; undefined where there is none. NS_LEDGER_IO. */
  async read(): Promise<string | undefined> {
    return this.#guarded('read', async () => (await this.#newest()).text);
  }

  /**
   * Puts the text that `change` makes of the newest; on stable storage when this returns. `change` may be called several
   * times, and its error ends this with nothing written. NS_LEDGER_IO.
   */
  async update(change: (before: string | undefined) => string): Promise<void> {
    await this.#guarded('written', () => mkdir(this.directory, { recursive: true, mode: 0o700 }));
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const { version, text } = await this.#guarded('read', () => this.#newest());
      const changed = change(text);
      if (await this.#guarded('written', () => this.#put(version + 1, changed))) return;
    }
    throw new NsError('NS_LEDGER_IO', `${this.directory}: other programs write there without an end`);
  }

  async #put(version: number, text: string): Promise<boolean> {
    const disk = this.#disk;
    const draft = join(this.directory, `.draft-${randomBytes(8).toString('hex')}`);
    await disk.write(draft, text);
    try {
      await disk.link(draft, this.#path(version));
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    } finally {
      await disk.remove(draft).catch(() => undefined);
    }
    await disk.syncDirectory(this.directory);
    const versions = await this.#versions();
    const newest = versions.at(-1) ?? version;
    // So far behind, the name may have been free because it was cleared away: then nobody ever saw this as the newest.
    if (newest - version >= KEPT) {
      await disk.remove(this.#path(version));
      return false;
    }
    for (const old of versions.filter((each) => newest - each >= KEPT)) await disk.remove(this.#path(old));
    return true;
  }

  async #newest(): Promise<{ readonly version: number; readonly text: string | undefined }> {
    for (let tries = 0; ; tries += 1) {
      const version = (await this.#versions()).at(-1);
      if (version === undefined) return { version: 0, text: undefined };
      try {
        return { version, text: await this.#disk.read(this.#path(version)) };
      } catch (error) {
        // Cleared away meanwhile: there is a newer one.
        if (!isCode(error, 'ENOENT') || tries >= MOST_TRIES) throw error;
      }
    }
  }

  async #versions(): Promise<readonly number[]> {
    const names = await this.#disk.list(this.directory).catch((error: unknown): string[] => {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    });
    return names
      .flatMap((name) => {
        const match = NAME.exec(name);
        return match === null ? [] : [Number(match[1])];
      })
      .toSorted((a, b) => a - b);
  }

  #path(version: number): string {
    return join(this.directory, `${String(version).padStart(10, '0')}.json`);
  }

  async #guarded<T>(how: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof NsError) throw error;
      throw new NsError('NS_LEDGER_IO', `${this.directory} cannot be ${how}: ${sentenceOf(error)}`, {
        cause: error,
      });
    }
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code;
}
