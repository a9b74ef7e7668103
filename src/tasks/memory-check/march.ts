import { equalBytes } from '../../base/index.ts';
import type { MarchOperation, MemoryProbe, MemoryRange } from '../../ports/index.ts';
import type { ErrorList } from './error-list.ts';

export type MarchName = 'mats+' | 'march-c-';

/** r0 and r1 read and expect all zeros or all ones; w0 and w1 write them. */
type Step = 'r0' | 'r1' | 'w0' | 'w1';
interface Element {
  /** Where the order does not matter, up. */
  readonly order: 'up' | 'down';
  readonly steps: readonly Step[];
}

/**
 * March tests as data (A. J. van de Goor, "Testing Semiconductor Memories", 1991). An element does all its steps on one
 * word before it goes to the next, in ascending or descending order of addresses.
 *
 * mats+: {any(w0); up(r0,w1); down(r1,w0)} finds stuck-at and address decoder faults.
 * march-c-: {any(w0); up(r0,w1); up(r1,w0); down(r0,w1); down(r1,w0); any(r0)} finds these, transition faults, and
 * coupling between cells of different words. Cells of one word always change together, so coupling within a word is
 * beyond both.
 */
export const MARCHES: Readonly<Record<MarchName, readonly Element[]>> = {
  'mats+': [
    { order: 'up', steps: ['w0'] },
    { order: 'up', steps: ['r0', 'w1'] },
    { order: 'down', steps: ['r1', 'w0'] },
  ],
  'march-c-': [
    { order: 'up', steps: ['w0'] },
    { order: 'up', steps: ['r0', 'w1'] },
    { order: 'up', steps: ['r1', 'w0'] },
    { order: 'down', steps: ['r0', 'w1'] },
    { order: 'down', steps: ['r1', 'w0'] },
    { order: 'up', steps: ['r0'] },
  ],
};

/** Bytes between two looks at the signal and two reports of progress. */
const CHUNK = 64 * 1024;
const WORD = 8;
const ZEROS = new Uint8Array(WORD);
const ONES = new Uint8Array(WORD).fill(0xff);
const OPERATIONS: Readonly<Record<Step, MarchOperation>> = {
  r0: { do: 'read', word: ZEROS },
  r1: { do: 'read', word: ONES },
  w0: { do: 'write', word: ZEROS },
  w1: { do: 'write', word: ONES },
};

export interface MarchRun {
  readonly probe: MemoryProbe;
  readonly name: MarchName;
  /** Ascending, without overlaps, in multiples of 8 bytes. */
  readonly ranges: readonly MemoryRange[];
  readonly errors: ErrorList;
  readonly signal: AbortSignal;
  /** Called after each chunk with the bytes gone over since the last call. */
  readonly onBytes: (bytes: number) => void;
}

/** Bytes that a march goes over in all its elements, for the progress. */
export function marchBytes(name: MarchName, ranges: readonly MemoryRange[]): number {
  return MARCHES[name].length * ranges.reduce((sum, range) => sum + range.length, 0);
}

/**
 * Runs a march over the memory, destroying what it holds. The order holds over all ranges and within each chunk: a board
 * sweeps a chunk itself or, where it cannot, the words are read and written one by one.
 */
export async function runMarch(run: MarchRun): Promise<void> {
  const chunks = chunksOf(run.ranges);
  for (const [index, element] of MARCHES[run.name].entries()) {
    const operations = element.steps.map((step) => OPERATIONS[step]);
    const what = `${run.name} element ${index + 1} (${element.order}: ${element.steps.join(',')})`;
    for (const chunk of element.order === 'up' ? chunks : chunks.toReversed()) {
      run.signal.throwIfAborted();
      if (run.probe.sweep) {
        const found = await run.probe.sweep(chunk, element.order, operations, run.signal);
        for (const { address, expected, actual } of found.mismatches)
          run.errors.add({ at: address, what, expected, actual });
        run.errors.addUnlisted(found.count - found.mismatches.length);
      } else await sweepByWords(run, chunk, element.order, operations, what);
      run.onBytes(chunk.length);
    }
  }
}

async function sweepByWords(
  { probe, errors, signal }: MarchRun,
  chunk: MemoryRange,
  order: 'up' | 'down',
  operations: readonly MarchOperation[],
  what: string,
): Promise<void> {
  const words = chunk.length / WORD;
  for (let i = 0; i < words; i += 1) {
    const address = chunk.start + WORD * (order === 'up' ? i : words - 1 - i);
    for (const { do: action, word } of operations) {
      if (action === 'write') await probe.write(address, word, signal);
      else {
        const actual = new Uint8Array(WORD);
        await probe.read(address, actual, signal);
        if (!equalBytes(actual, word)) errors.add({ at: address, what, expected: word, actual });
      }
    }
  }
}

function chunksOf(ranges: readonly MemoryRange[]): MemoryRange[] {
  const chunks: MemoryRange[] = [];
  for (const { start, length } of ranges) {
    for (let at = 0; at < length; at += CHUNK) {
      chunks.push({ start: start + at, length: Math.min(CHUNK, length - at) });
    }
  }
  return chunks;
}
