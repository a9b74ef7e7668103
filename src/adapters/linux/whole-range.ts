import type { FileHandle } from 'node:fs/promises';

/** Writes all of it, in as many writes as the kernel takes. Throws where it takes no more. */
export async function writeAll(
  file: FileHandle,
  offset: number,
  data: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  for (let done = 0; done < data.byteLength; ) {
    signal?.throwIfAborted();
    const { bytesWritten } = await file.write(data, done, data.byteLength - done, offset + done);
    if (bytesWritten === 0) throw new Error('it takes no more');
    done += bytesWritten;
  }
}

/** Reads until `into` is full, or the file ends. Gives how many bytes there were. */
export async function readAll(file: FileHandle, offset: number, into: Uint8Array): Promise<number> {
  let done = 0;
  while (done < into.byteLength) {
    const { bytesRead } = await file.read(into, done, into.byteLength - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
