import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NsError, sentenceOf } from '../base/index.ts';

/**
 * Notes of which order took which token, a file each, under the token's hash: of two programs with the same tokens each
 * takes others. A note that a power cut left empty counts as a note.
 */
export class UsedTokens {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Which order has it, by its hexadecimal id; "" where that cannot be read. Undefined where none has. NS_TOKEN_NOTES. */
  async takenBy(token: Uint8Array): Promise<string | undefined> {
    try {
      return (await readFile(this.#path(token), 'utf8')).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw failed(this.#path(token), 'read', error);
    }
  }

  /** Whether the order has the token now: it was free, or the order's already. NS_TOKEN_NOTES. */
  async take(token: Uint8Array, order: string): Promise<boolean> {
    const path = this.#path(token);
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const handle = await open(path, 'wx', 0o600);
      try {
        await handle.writeFile(`${order}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return (await this.takenBy(token)) === order;
      throw failed(path, 'written', error);
    }
  }

  /** For a token whose order no device took. NS_TOKEN_NOTES. */
  async release(token: Uint8Array, order: string): Promise<void> {
    if ((await this.takenBy(token)) !== order) return;
    await rm(this.#path(token), { force: true }).catch((error: unknown) => {
      throw failed(this.#path(token), 'removed', error);
    });
  }

  #path(token: Uint8Array): string {
    return join(this.#directory, `${createHash('sha256').update(token).digest('hex').slice(0, 32)}.used`);
  }
}

const failed = (path: string, what: string, error: unknown): NsError =>
  new NsError('NS_TOKEN_NOTES', `${path} cannot be ${what}: ${sentenceOf(error)}`, { cause: error });
