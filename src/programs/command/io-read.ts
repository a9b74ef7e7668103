import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { asNsError, NsError, sentenceOf } from '../../base/index.ts';
import { timingOf } from '../../fleet/index.ts';
import type { Context } from './context.ts';
import { usage } from './keyring-files.ts';
import { answerOf, followOrder, type HostWork } from './run.ts';

/** What a channel gives, kept in a file that is not there yet: a picture, or the bytes of a memory. */
export function readIntoFile(
  context: Context,
  names: readonly string[],
  channel: string,
  path: string,
): HostWork {
  if (names.length !== 1) throw usage('--to takes the bytes of one host');
  return async (fleet, host, watch) => {
    const run = await fleet.order(
      host,
      'io.read',
      { channel },
      { signal: context.signal, timing: { ...timingOf('io.read'), ...context.timing } },
    );
    const answer = await followOrder(host, 'io.read', run, watch);
    const outcome = await run.outcome;
    const value = outcome.is === 'receipt' ? outcome.result?.value : undefined;
    if (value === undefined) return answer;
    try {
      if (typeof value === 'number')
        throw new NsError('NS_LOCAL_FILE', `${channel} gives a number, which is no file`);
      await writeNew(path, value);
    } catch (error) {
      return answerOf(host, 'io.read', outcome, {}, { fault: asNsError(error) });
    }
    const sha256 = createHash('sha256').update(value).digest('hex');
    return answerOf(
      host,
      'io.read',
      outcome,
      {},
      {
        file: { path, size: value.byteLength, sha256 },
        lines: [`written to ${path}`],
      },
    );
  };
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: 'wx' });
  } catch (cause) {
    throw new NsError('NS_LOCAL_FILE', `${path} cannot be written: ${sentenceOf(cause)}`, { cause });
  }
}
