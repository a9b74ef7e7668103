import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { NsError } from '../base/index.ts';

function fault(path: string, why: string, cause?: unknown): NsError {
  return new NsError('NS_ORDER_FILE', `${path}: ${why}`, { family: 'caller', cause });
}

/** The text of a file of orders, of so many bytes at most. NS_ORDER_FILE. */
export async function readOrderText(path: string, most: number): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      if (size > most) throw fault(path, `it has ${size} bytes; a file of orders has ${most} at most`);
      // One byte more than it may have: a file may grow, and a pipe has no size.
      const bytes = Buffer.alloc(Math.min(Math.max(size, 64 * 1024), most) + 1);
      let filled = 0;
      while (filled < bytes.byteLength) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.byteLength - filled);
        if (bytesRead === 0) return bytes.toString('utf8', 0, filled);
        filled += bytesRead;
      }
      throw fault(path, 'it grows while it is read, or is no plain file');
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof NsError ? error : fault(path, 'cannot be read', error);
  }
}

/** Writes the file wholly or not at all. NS_ORDER_FILE; where it is there already and is not to be replaced, too. */
export async function writeOrderText(path: string, text: string, replace: boolean): Promise<void> {
  const target = replace ? `${path}.${randomUUID()}` : path;
  try {
    const handle = await open(target, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (replace) await rename(target, path);
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!there) await rm(target, { force: true });
    throw fault(path, there ? 'a file is there already' : 'cannot be written', error);
  }
}
