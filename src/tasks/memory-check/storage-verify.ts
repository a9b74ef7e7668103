import { hasCode, MiB } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { ErrorList } from './error-list.ts';
import type { Span } from './spans.ts';

const PIECE = MiB;
/** A disk on which this many sectors fail is not looked at further: each costs many seconds on a real one. */
const GIVE_UP = 65_536;

export interface StorageVerify {
  readonly device: BlockDevice;
  /** In logical sectors, ascending, within the device. */
  readonly spans: readonly Span[];
  readonly errors: ErrorList;
  readonly signal: AbortSignal;
  /** Sectors gone over since the last call. */
  readonly onSectors: (sectors: number) => void;
}

/**
 * Reads every sector of the spans; what fails is halved down to the sectors that cannot be read. Gives the spans that
 * were gone over: fewer than asked only where so many sectors fail that it gave up.
 */
export async function verifyStorage(verify: StorageVerify): Promise<readonly Span[]> {
  const { device, errors, signal } = verify;
  const sector = device.capabilities.sectorSize;
  const buffer = new Uint8Array(PIECE);
  const covered: Span[] = [];
  for (const { start, length } of verify.spans) {
    let done = 0;
    while (done < length) {
      signal.throwIfAborted();
      if (errors.count >= GIVE_UP) break;
      const count = Math.min(PIECE / sector, length - done);
      await readOrHalve(verify, buffer, start + done, count);
      done += count;
      verify.onSectors(count);
    }
    if (done > 0) covered.push({ start, length: done });
  }
  return covered;
}

async function readOrHalve(
  verify: StorageVerify,
  buffer: Uint8Array,
  start: number,
  count: number,
): Promise<void> {
  const { device, errors, signal } = verify;
  const sector = device.capabilities.sectorSize;
  signal.throwIfAborted();
  try {
    await device.read(start * sector, buffer.subarray(0, count * sector), signal);
  } catch (error) {
    if (!hasCode(error, 'NS_BLOCK_IO')) throw error;
    if (count === 1) {
      errors.add({ at: start, what: 'the sector cannot be read' });
      return;
    }
    const half = Math.ceil(count / 2);
    await readOrHalve(verify, buffer, start, half);
    await readOrHalve(verify, buffer, start + half, count - half);
  }
}
