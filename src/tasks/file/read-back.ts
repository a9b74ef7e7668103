import { createHash } from 'node:crypto';
import { equalBytes, NsError, sentenceOf } from '../../base/index.ts';
import type { BlockDevice, FileSystem } from '../../ports/index.ts';
import { type ResultOf, sampleRanges } from '../../protocol/index.ts';
import { mediumView, openFileSystem } from '../../storage/index.ts';
import { isSpoiled } from '../stop.ts';
import type { VolumeAccess } from './volume-access.ts';

export type ReadBack = NonNullable<ResultOf<'file.download'>['readBack']>;

/** Removed paths that are looked for again. */
const MOST_LOOKED_FOR = 64;

export interface Written {
  readonly path: string;
  readonly size: number;
  /** What was ordered. */
  readonly content: BlockDevice;
}

type Disk = Pick<VolumeAccess, 'device' | 'target' | 'signal'>;

/**
 * Reads parts of a file that was just committed back from the disk, and holds them against what was ordered. Undefined
 * where the disk was taken away meanwhile: then nothing is said of it. NS_SAMPLE_DIFFERS, NS_SAMPLE_UNREADABLE: the
 * change is committed, and the disk does not hold it.
 */
export function readBackFile(
  orderId: Uint8Array,
  { path, size, content }: Written,
  disk: Disk,
): Promise<ReadBack | undefined> {
  return lookAgain(disk, path, async (fs, from) => {
    const opened = await fs.open(path, disk.signal);
    if (!opened.ok) throw differs(path, opened.refusal.sentence);
    const { stat } = opened.value;
    if (stat.size !== size) throw differs(path, `it has ${stat.size} bytes, not ${size}`);
    const samples = [];
    for (const { offset, length } of sampleRanges(orderId, size)) {
      const [there, ordered] = [new Uint8Array(length), new Uint8Array(length)];
      const count = await opened.value.read(offset, there, disk.signal);
      if (!(await readOwn(content, offset, ordered))) return undefined;
      if (count !== length || !equalBytes(there, ordered)) {
        throw differs(path, `bytes ${offset} to ${offset + length} are others than were written`);
      }
      samples.push({ offset, length, sha256: new Uint8Array(createHash('sha256').update(there).digest()) });
    }
    return { from, samples };
  });
}

/** How many of the removed paths were looked for again on the disk; none of them was there. As `readBackFile`. */
export function readBackAbsent(paths: readonly string[], disk: Disk): Promise<number | undefined> {
  const some = paths.slice(0, MOST_LOOKED_FOR);
  return lookAgain(disk, some[0] ?? '/', async (fs) => {
    for (const path of some) {
      if ((await fs.stat(path, false, disk.signal)).ok) throw differs(path, 'it is still there');
    }
    return some.length;
  });
}

/** With nothing that an earlier look has kept. */
async function lookAgain<T>(
  { device, target, signal }: Disk,
  path: string,
  look: (fs: FileSystem, from: ReadBack['from']) => Promise<T | undefined>,
): Promise<T | undefined> {
  const view = mediumView(device);
  try {
    return await look(await openFileSystem(view.device, target.type, signal), view.from);
  } catch (error) {
    // The change is committed, whoever wants the disk now.
    if (signal.aborted) return undefined;
    if (isSpoiled(error)) throw error;
    throw new NsError(
      'NS_SAMPLE_UNREADABLE',
      `${path} was written and cannot be read back: ${sentenceOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

export function differs(path: string, what: string): NsError {
  return new NsError(
    'NS_SAMPLE_DIFFERS',
    `${path} was committed, and the disk gives back something else: ${what}`,
  );
}

/** Our own storage that fails says nothing of the disk. */
function readOwn(content: BlockDevice, offset: number, into: Uint8Array): Promise<boolean> {
  return content.read(offset, into).then(
    () => true,
    () => false,
  );
}
