import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Set, what is seen takes the place of what was kept. */
const KEEPING = (process.env.NIGHTSHIFT_KEEP_SCREENS ?? '') !== '';

/** Screens as files of text that people read in a review. */
export class KeptScreens {
  readonly #dir: string;
  readonly #seen = new Set<string>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The screen that is kept under this name; what was seen, where that is to be kept from now on. */
  async of(name: string, seen: string): Promise<string> {
    this.#seen.add(name);
    if (KEEPING) {
      await mkdir(this.#dir, { recursive: true });
      await writeFile(this.#path(name), seen);
    }
    return this.read(name);
  }

  read(name: string): Promise<string> {
    return readFile(this.#path(name), 'utf8').catch(
      () => `nothing is kept under the name "${name}": see docs/testing.md`,
    );
  }

  /** Names under which something is kept that was not seen. */
  async stale(): Promise<readonly string[]> {
    const files = (await readdir(this.#dir)).filter((name) => name.endsWith('.txt'));
    return files.map((name) => name.slice(0, -4)).filter((name) => !this.#seen.has(name));
  }

  #path(name: string): string {
    return join(this.#dir, `${name}.txt`);
  }
}
