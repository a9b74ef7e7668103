import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { NsError } from '../base/index.ts';

const STANDARD_INPUT = '-';

function invalid(name: string, why: string, cause?: unknown): NsError {
  return new NsError('NS_HOSTS_INVALID', `the list "^${name}" ${why}`, { family: 'caller', cause });
}

/**
 * Reads lists of hosts from files, or for "-" from standard input, which is read once: `most` bytes at most each.
 * NS_HOSTS_INVALID says what is wrong.
 */
export function hostLists(
  signal: AbortSignal,
  most: number,
  stdin: Readable & { readonly isTTY?: boolean } = process.stdin,
): (name: string) => Promise<string> {
  let used = false;
  return async (name) => {
    if (name !== STANDARD_INPUT) return textOf(createReadStream(name, { signal }), name, most, signal);
    if (stdin.isTTY === true) throw invalid(name, 'is read from a pipe or a file, and this is a terminal');
    if (used) throw invalid(name, 'is named twice, and standard input can be read once');
    used = true;
    return textOf(addAbortSignal(signal, stdin), name, most, signal);
  };
}

async function textOf(stream: Readable, name: string, most: number, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk as Uint8Array);
      size += bytes.byteLength;
      if (size > most) throw invalid(name, `has more than ${most} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof NsError ? error : invalid(name, 'cannot be read', error);
  }
  return Buffer.concat(chunks).toString('utf8');
}
