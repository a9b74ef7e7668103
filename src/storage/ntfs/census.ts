/** What the records say of themselves, by number. */
export interface RecordCensus {
  readonly count: number;
  readonly inUse: Uint8Array;
  readonly sequence: Uint16Array;
  /** Names that a file has, by its own record and by the directories. */
  readonly names: Uint16Array;
  readonly entries: Uint16Array;
}

/** Of `inUse`. */
export const STATE = { used: 1, directory: 2, part: 4 } as const;
