import { NsError } from '../base/index.ts';

/** A filesystem that contradicts itself. */
export function corrupt(sentence: string, cause?: unknown): NsError {
  return new NsError('NS_FS_CORRUPT', sentence, { family: 'peer', cause });
}

const TOLD = ['NS_FS_CORRUPT', 'NS_FS_UNSUPPORTED'];

/** Runs a step over hostile bytes: whatever the decoders found wrong comes out as NS_FS_CORRUPT. */
export async function overHostileBytes<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw error instanceof NsError ? hostileFault(error) : error;
  }
}

/** A fault over hostile bytes as it is told. */
export function hostileFault(error: NsError): NsError {
  return error.family === 'peer' && !TOLD.includes(error.code)
    ? corrupt('the filesystem holds a structure that makes no sense', error)
    : error;
}

/** What became of one of many; anything but a fault of the disk or of what is on it is thrown on. */
export function faultOfOne(error: unknown, signal?: AbortSignal): NsError {
  signal?.throwIfAborted();
  if (!(error instanceof NsError) || error.family === 'bug' || error.family === 'caller') throw error;
  return hostileFault(error);
}
