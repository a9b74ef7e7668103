import { access, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
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

/** Every failure is NS_IO_FAILED, with the path. */
export const kernelFiles: KernelFiles = {
  has: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  list: (path) => asked(path, readdir(path)),
  text: async (path) => (await asked(path, readFile(path, 'utf8'))).slice(0, MOST_TEXT).trim(),
  bytes: async (path, most) => (await asked(path, readFile(path))).subarray(0, most),
  write: (path, value) => asked(path, writeFile(path, value)),
  target: async (path) => basename(await asked(path, realpath(path))),
};

async function asked<T>(path: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new NsError('NS_IO_FAILED', `${path}: ${sentenceOf(cause)}`, { cause });
  }
}
