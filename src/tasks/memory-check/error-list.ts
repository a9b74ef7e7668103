/** One fault found: a byte address, an LBA or a slot index, and what was wrong there. */
export interface MemoryError {
  readonly at: number;
  readonly slot?: string;
  readonly what: string;
  readonly expected?: Uint8Array;
  readonly actual?: Uint8Array;
}

const LISTED = 256;
const REMEMBERED = 65_536;

/**
 * The errors of a check: the first 256 places listed, all counted. A place that fails again counts once, as long as no
 * more than 65536 different places have failed; after that it may count again.
 */
export class ErrorList {
  readonly #listed: MemoryError[] = [];
  readonly #seen = new Set<number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get listed(): readonly MemoryError[] {
    return this.#listed;
  }

  add(error: MemoryError): void {
    if (this.#seen.has(error.at)) return;
    if (this.#seen.size < REMEMBERED) this.#seen.add(error.at);
    this.#count += 1;
    if (this.#listed.length < LISTED) this.#listed.push(error);
  }

  /** Errors of which only the number is known. */
  addUnlisted(count: number): void {
    this.#count += Math.max(0, count);
  }
}
