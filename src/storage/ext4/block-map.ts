/** A run of a file's blocks. `physical` is 0 for a run that reads as zeros: a hole, or space never written. */
export interface BlockRun {
  readonly physical: number;
  readonly count: number;
  /** True where such a run is space set aside, and no hole. */
  readonly unwritten?: true;
}

/** Where a file's blocks lie. */
export interface BlockMap {
  /** The run that begins at a block of the file; at least one block long. */
  find(logical: number, signal?: AbortSignal): Promise<BlockRun>;
}

/** Logical block numbers are 32 bits wide. */
export const LOGICAL_END = 2 ** 32;
