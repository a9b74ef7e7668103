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
    if (error instanceof NsError && error.family === 'peer' && !TOLD.includes(error.code)) {
      throw corrupt('the filesystem holds a structure that makes no sense', error);
    }
    throw error;
  }
}
