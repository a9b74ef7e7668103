import { readFile, stat } from 'node:fs/promises';
import { NsError, sentenceOf } from '../../base/index.ts';
import type { LogSink } from '../../ports/index.ts';

const LARGEST = 4096;
const OTHERS_READ = 0o044;

/**
 * The first line of a file that nobody but the agent should be able to read; a line in the log where others are. NS_CONFIG_INVALID
 * where it cannot be read, or is empty.
 */
export async function secretIn(path: string, log: LogSink): Promise<string> {
  let text: string;
  try {
    const { mode, size } = await stat(path);
    if (size > LARGEST) throw new Error(`it has ${size} bytes`);
    text = await readFile(path, 'utf8');
    if ((mode & OTHERS_READ) !== 0)
      log.log('warn', 'secret.others-may-read', { path, remedy: `chmod 600 ${path}` });
  } catch (cause) {
    throw invalid(`${path} cannot be read: ${sentenceOf(cause)}`, cause);
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line === '') throw invalid(`${path} has nothing on its first line`);
  return line;
}

/** What becomes of the secret in this file; whatever is wrong with it is a mistake of the configuration. */
export async function madeOf<T>(path: string, log: LogSink, make: (secret: string) => T): Promise<T> {
  const secret = await secretIn(path, log);
  try {
    return make(secret);
  } catch (cause) {
    throw invalid(`${path}: ${sentenceOf(cause)}`, cause);
  }
}

const invalid = (sentence: string, cause?: unknown): NsError =>
  new NsError('NS_CONFIG_INVALID', sentence, { family: 'caller', cause });
