import { equalBytes, NsError, Turns } from '../base/index.ts';
import type { FlashRange } from '../ports/index.ts';
import { BOOT_RECORD_BYTES, type BootRecord, newestBootRecord, writeBootRecord } from './boot-record.ts';
import { rewrite } from './flash-range.ts';

type Copies = readonly [FlashRange, FlashRange];

/**
 * The boot record as it lies on the medium. Invariant: it is always written over the older copy, so that a write which is cut
 * off, or which the medium refuses, leaves the newer one.
 */
export class BootBook {
  readonly #copies: Copies;
  /** A look between the writes of a change would take the copies for what they are not. */
  readonly #turns = new Turns();
  #record: BootRecord;
  #copy: 0 | 1;

  private constructor(copies: Copies, record: BootRecord, copy: 0 | 1) {
    this.#copies = copies;
    this.#record = record;
    this.#copy = copy;
  }

  /** NS_FLASH where no copy is whole. */
  static async open(copies: Copies): Promise<BootBook> {
    const found = await newest(copies);
    return new BootBook(copies, found.record, found.copy);
  }

  /** As it was last read or written. */
  get record(): BootRecord {
    return this.#record;
  }

  /** What the medium says now. */
  reread(): Promise<BootRecord> {
    return this.#turns.take(async () => {
      const found = await newest(this.#copies);
      this.#record = found.record;
      this.#copy = found.copy;
      return found.record;
    });
  }

  /**
   * Changes it; durable on return, and read back. No change writes nothing. Changes are made one after the other.
   * NS_FLASH where the medium does not keep it: then the record before it stands.
   */
  change(next: (record: BootRecord) => BootRecord): Promise<BootRecord> {
    return this.#turns.take(() => this.#change(next));
  }

  async #change(next: (record: BootRecord) => BootRecord): Promise<BootRecord> {
    const record = next(this.#record);
    if (record === this.#record) return record;
    const older = this.#copy === 0 ? 1 : 0;
    const bytes = writeBootRecord(record);
    const range = this.#copies[older];
    await rewrite(range, 0, bytes);
    await range.flush();
    const back = new Uint8Array(BOOT_RECORD_BYTES);
    await range.read(0, back);
    if (!equalBytes(back, bytes))
      throw new NsError('NS_FLASH', 'the boot record does not read back as it was written');
    this.#record = record;
    this.#copy = older;
    return record;
  }
}

async function newest(copies: Copies): Promise<{ readonly record: BootRecord; readonly copy: 0 | 1 }> {
  const read = async (range: FlashRange): Promise<Uint8Array> => {
    const bytes = new Uint8Array(BOOT_RECORD_BYTES);
    await range.read(0, bytes);
    return bytes;
  };
  const found = newestBootRecord([await read(copies[0]), await read(copies[1])]);
  if (found === undefined) throw new NsError('NS_FLASH', 'no copy of the boot record is whole');
  return found;
}
