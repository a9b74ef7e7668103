import { KiB } from '../base/index.ts';
import type { EditableVolume, FileContent } from '../ports/index.ts';

const CHUNK = 256 * KiB;

/** Blocks `start` to `end`, the last one not included, that hold a content from its byte `from` on. */
export interface PlacedRun {
  readonly start: number;
  readonly end: number;
  readonly content: FileContent;
  readonly from: number;
}

/** Which blocks of an overlay are those of a content. What is placed later lies over what was placed before. */
export class PlacedContent {
  readonly #blockSize: number;
  /** Ascending, apart from each other. */
  #runs: PlacedRun[] = [];

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  get runs(): readonly PlacedRun[] {
    return this.#runs;
  }

  add(run: PlacedRun): void {
    const first = this.#after(run.start);
    let last = first;
    const left: PlacedRun[] = [];
    const right: PlacedRun[] = [];
    for (let old = this.#runs[last]; old !== undefined && old.start < run.end; old = this.#runs[last]) {
      if (old.start < run.start) left.push({ ...old, end: run.start });
      if (old.end > run.end) right.push(this.#from(old, run.end));
      last += 1;
    }
    this.#runs.splice(first, last - first, ...left, run, ...right);
  }

  /** The run that a block is in. */
  at(block: number): PlacedRun | undefined {
    const run = this.#runs[this.#after(block)];
    return run !== undefined && run.start <= block ? run : undefined;
  }

  /** The first block of a run that begins behind this one; Infinity where none does. */
  next(block: number): number {
    return this.#runs[this.#after(block)]?.start ?? Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.#runs = [];
  }

  /** Index of the first run that ends behind a block. */
  #after(block: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.end <= block) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #from(run: PlacedRun, start: number): PlacedRun {
    return { ...run, start, from: run.from + (start - run.start) * this.#blockSize };
  }
}

/** Bytes of a content from an offset on, with zeros behind its end. */
export async function readContent(
  { size, data }: FileContent,
  offset: number,
  into: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const there = Math.max(0, Math.min(into.byteLength, size - offset));
  if (there > 0) await data.read(offset, into.subarray(0, there), signal);
  into.fill(0, there);
}

/** Puts a content from its byte `from` on into a stretch of a volume, with zeros behind its end: placed where that can be, else written. */
export async function putContent(
  device: EditableVolume,
  offset: number,
  length: number,
  content: FileContent,
  from: number,
  signal: AbortSignal,
): Promise<void> {
  if (device.place !== undefined) return device.place(offset, length, content, from);
  for (let at = 0; at < length; at += CHUNK) {
    const part = new Uint8Array(Math.min(CHUNK, length - at));
    await readContent(content, from + at, part, signal);
    await device.write(offset + at, part, signal);
  }
}
