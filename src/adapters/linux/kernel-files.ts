import { access, open, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { NsError, sentenceOf } from '../../base/index.ts';

/** What the kernel shows of devices, as files: sysfs, mounted at /sys. */
export interface KernelFiles {
  has(path: string): Promise<boolean>;
  list(path: string): Promise<readonly string[]>;
  /** A short text, without the line's end. */
  text(path: string): Promise<string>;
  /** At most `most` bytes. */
  bytes(path: string, most: number): Promise<Uint8Array>;
  write(path: string, value: string): Promise<void>;
  /** The last part of where a link leads: which device a class's entry belongs to. */
  target(path: string): Promise<string>;
}

const MOST_TEXT = 4096;
/** Bytes: a slow bus takes some milliseconds for them. */
const READ_AT_ONCE = 128;

/** Every failure is NS_IO_FAILED, with the path. */
export const kernelFiles: KernelFiles = {
  has: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  list: (path) => asked(path, readdir(path)),
  text: async (path) => (await asked(path, readFile(path, 'utf8'))).slice(0, MOST_TEXT).trim(),
  bytes: (path, most) => asked(path, firstBytes(path, most)),
  write: (path, value) => asked(path, writeFile(path, value)),
  target: async (path) => basename(await asked(path, realpath(path))),
};

/** Asks for no byte behind them: a chip may not have it, whatever its driver says. */
async function firstBytes(path: string, most: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const bytes = new Uint8Array(most);
    let count = 0;
    while (count < most) {
      const { bytesRead } = await file.read(bytes, count, Math.min(most - count, READ_AT_ONCE), count);
      if (bytesRead === 0) break;
      count += bytesRead;
    }
    return bytes.subarray(0, count);
  } finally {
    await file.close();
  }
}

async function asked<T>(path: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new NsError('NS_IO_FAILED', `${path}: ${sentenceOf(cause)}`, { cause });
  }
}
