import type { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { NsError } from '../base/index.ts';

const usage = (sentence: string, cause?: unknown): NsError =>
  new NsError('NS_USAGE', sentence, { family: 'caller', cause });

/** What comes on standard input to its end, `most` bytes at most. NS_USAGE where that is a terminal, or there is more. */
export async function pipedText(
  what: string,
  most: number,
  signal: AbortSignal,
  stdin: Readable & { readonly isTTY?: boolean } = process.stdin,
): Promise<string> {
  if (stdin.isTTY === true) throw usage(`${what} is read from a pipe or a file, and this is a terminal`);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stdin)) {
      const bytes = Buffer.from(chunk as Uint8Array);
      size += bytes.byteLength;
      if (size > most) throw usage(`${what} has more than ${most} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof NsError ? error : usage(`${what} cannot be read`, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}
