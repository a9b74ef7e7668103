/** Where a fetched file goes on the operator's side. */
export interface LocalSink {
  /**
   * Opens the part file for contents known by this key, `size` bytes long. What an earlier try left there is offered
   * as `map`; a part of other contents is thrown away.
   */
  open(key: string, size: number): Promise<PartFile>;
}

export interface PartFile {
  /** The chunk map as saved last, where a part of the same contents was there. */
  readonly map: Uint8Array | undefined;
  write(offset: number, data: Uint8Array): Promise<void>;
  /** Makes a range zero, as holes where it can. Absent where all that is there must be written. */
  zero?(offset: number, length: number): Promise<void>;
  /** Fills the whole of `into`. */
  read(offset: number, into: Uint8Array): Promise<void>;
  flush(): Promise<void>;
  saveMap(map: Uint8Array): Promise<void>;
  /** Gives the whole file its own name and time, at once; durable on return. */
  finish(mtime: number): Promise<void>;
  /** Closes, and leaves the part for the next try. */
  keep(): Promise<void>;
  /** Closes, and removes the part. */
  discard(): Promise<void>;
}

/** A file of the operator's, to be sent. */
export interface LocalSource {
  readonly size: number;
  readonly sha256: Uint8Array;
  /** Fills the whole of `into`. */
  read(offset: number, into: Uint8Array): Promise<void>;
}
