import { open, writeFile } from 'node:fs/promises';
import { MiB } from '../../src/base/index.ts';

/** The images of the members of a chain whose disk would be this image. */
export function memberPaths(image: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${image}.${at}`);
}

/** Cuts an image into members: so many bytes each, and the rest for the last. */
export async function splitImage(image: string, sizes: readonly number[]): Promise<void> {
  const whole = await open(image, 'r');
  try {
    let rest = (await whole.stat()).size;
    let at = 0;
    for (const [i, path] of memberPaths(image, sizes.length + 1).entries()) {
      const size = sizes[i] ?? rest;
      await writeFile(path, '');
      const member = await open(path, 'r+');
      await copy(whole, at, member, 0, size);
      await member.truncate(size);
      await member.close();
      at += size;
      rest -= size;
    }
  } finally {
    await whole.close();
  }
}

/** The inverse of splitImage. */
export async function joinImage(image: string, count: number): Promise<void> {
  const whole = await open(image, 'r+');
  try {
    let at = 0;
    for (const path of memberPaths(image, count)) {
      const member = await open(path, 'r');
      const { size } = await member.stat();
      await copy(member, 0, whole, at, size);
      await member.close();
      at += size;
    }
  } finally {
    await whole.close();
  }
}

type File = Awaited<ReturnType<typeof open>>;

async function copy(from: File, start: number, to: File, at: number, length: number): Promise<void> {
  const buffer = new Uint8Array(MiB);
  for (let done = 0; done < length; ) {
    const size = Math.min(buffer.byteLength, length - done);
    const { bytesRead } = await from.read(buffer, 0, size, start + done);
    await to.write(buffer, 0, bytesRead, at + done);
    done += bytesRead;
  }
}
