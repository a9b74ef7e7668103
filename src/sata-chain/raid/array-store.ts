import { ByteView } from '../../base/index.ts';
import type { BlockDevice, StateStore } from '../../ports/index.ts';
import type { ArrayTable } from './array-table.ts';
import { INTENT_REGION } from './intent-codec.ts';
import { decodeTable, encodeTable, TABLE_SLOT } from './table-codec.ts';
import { TwoSlotRecord } from './two-slot.ts';

/** Where an array keeps what must outlive it: three regions of own storage, all preallocated. */
export class ArrayStore {
  readonly intent: BlockDevice;
  readonly #table: TwoSlotRecord;
  readonly #cursor: TwoSlotRecord;

  private constructor(table: TwoSlotRecord, cursor: TwoSlotRecord, intent: BlockDevice) {
    this.#table = table;
    this.#cursor = cursor;
    this.intent = intent;
  }

  static async open(store: StateStore, name: string): Promise<ArrayStore> {
    return new ArrayStore(
      await TwoSlotRecord.open(await store.region(`${name}.table`, 2 * TABLE_SLOT)),
      await TwoSlotRecord.open(await store.region(`${name}.cursor`, 2 * CURSOR_SLOT)),
      await store.region(`${name}.intent`, INTENT_REGION),
    );
  }

  /** Undefined where no array was ever made here. */
  table(): ArrayTable | undefined {
    const bytes = this.#table.latest;
    return bytes === undefined ? undefined : decodeTable(bytes);
  }

  async saveTable(table: ArrayTable): Promise<void> {
    await this.#table.write(encodeTable(table));
  }

  /** Sectors of the copy's stretch that its target holds durably; 0 where the cursor is of another copy or lost. */
  cursor(copy: number): number {
    const bytes = this.#cursor.latest;
    if (bytes?.byteLength !== 16) return 0;
    const view = new ByteView(bytes, 'the cursor');
    return view.u64leNumber(0) === copy ? view.u64leNumber(8) : 0;
  }

  async saveCursor(copy: number, sectors: number): Promise<void> {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(copy), true);
    view.setBigUint64(8, BigInt(sectors), true);
    await this.#cursor.write(bytes);
  }
}

const CURSOR_SLOT = 4096;
