import { createHash } from 'node:crypto';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NsError } from '../base/index.ts';
import type { LocalSink } from '../ports/index.ts';
import { localFault, openPart, readWhole } from './operator-part.ts';

/** A regular file of this machine, open for sending. */
export interface LocalFile {
  readonly size: number;
  readonly sha256: Uint8Array;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  read(offset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const HASH_BYTES = 1024 * 1024;

const unreadable = (path: string, cause: unknown): NsError => localFault(path, 'read', cause);

/** Opens and hashes a file. NS_LOCAL_FILE where it cannot be read or is no regular file. */
export async function openLocalFile(path: string, signal: AbortSignal): Promise<LocalFile> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const facts = await handle.stat();
    if (!facts.isFile())
      throw new NsError('NS_LOCAL_FILE', `${path} is not a regular file`, { family: 'caller' });
    const hash = createHash('sha256');
    const block = new Uint8Array(HASH_BYTES);
    for (let at = 0; at < facts.size; at += HASH_BYTES) {
      signal.throwIfAborted();
      const part = block.subarray(0, Math.min(HASH_BYTES, facts.size - at));
      await readWhole(handle, at, part);
      hash.update(part);
    }
    return {
      size: facts.size,
      sha256: new Uint8Array(hash.digest()),
      mtime: Math.floor(facts.mtimeMs / 1000),
      mode: facts.mode & 0o7777,
      read: (offset, into) =>
        readWhole(handle, offset, into).catch((error: unknown) => {
          throw unreadable(path, error);
        }),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw signal.aborted ? error : unreadable(path, error);
  }
}

/** A place for a fetched file; the directory above it is made at need. */
export function localSink(path: string, options: { readonly replace: boolean }): LocalSink {
  return {
    open: async (key, size) => {
      await mkdir(dirname(path), { recursive: true }).catch((cause: unknown) => {
        throw localFault(dirname(path), 'made', cause);
      });
      return openPart(path, key, size, options.replace);
    },
  };
}

/** Bytes that a file takes here, without its holes. */
export async function takenBytes(path: string): Promise<number> {
  const { blocks } = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return blocks * 512;
}

async function kindOf(path: string): Promise<'directory' | 'other' | 'absent'> {
  const found = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  });
  if (found === undefined) return 'absent';
  return found.isDirectory() ? 'directory' : 'other';
}

/**
 * Where a fetched file goes: `target` itself, or under its own name inside a target that is a directory or ends in "/".
 * With several hosts each gets a directory of its own: TARGET/HOST/NAME. NS_LOCAL_FILE where a file is there already
 * and is not to be replaced.
 */
export async function placeFor(
  target: string | undefined,
  host: string,
  name: string,
  options: { readonly many: boolean; readonly replace: boolean },
): Promise<string> {
  const inside = target === undefined || target.endsWith('/') || (await kindOf(target)) === 'directory';
  const path = options.many ? join(target ?? '.', host, name) : inside ? join(target ?? '.', name) : target;
  const there = await kindOf(path);
  if (there === 'directory')
    throw new NsError('NS_LOCAL_FILE', `${path} is a directory`, { family: 'caller' });
  if (there === 'other' && !options.replace) {
    throw new NsError('NS_LOCAL_FILE', `${path} exists; say --replace to replace it`, { family: 'caller' });
  }
  return path;
}
