import { asNsError, hasCode, type NsError } from '../../base/index.ts';
import type { LogSink, StateStore } from '../../ports/index.ts';
import {
  decodeStaged,
  type EndedEntry,
  encodeStaged,
  MOST_ENDED,
  NO_RECORD,
  type SeenVolume,
  STAGED_DOCUMENT,
  type StagedEntry,
  type StagedRecord,
  shortReason,
} from './staged-record.ts';

export interface BookParts {
  readonly store: StateStore;
  readonly log: LogSink;
  /** Own storage is no longer to be trusted. */
  readonly onFatal: (error: NsError) => void;
}

/** What the journal does not say of staged orders, in memory and in one document of own storage. */
export class StagedBook {
  readonly #o: BookParts;
  readonly #entries: Map<string, StagedEntry>;
  /** The document was there and not whole: what it said is lost. */
  readonly damaged: boolean;
  #ended: readonly EndedEntry[];
  #seen: readonly SeenVolume[];
  #saving: Promise<unknown> = Promise.resolve();

  private constructor(parts: BookParts, record: StagedRecord, damaged: boolean) {
    this.#o = parts;
    this.#entries = new Map(record.orders.map((entry) => [entry.id, entry]));
    this.#ended = record.ended;
    this.#seen = record.seen;
    this.damaged = damaged;
  }

  static async open(parts: BookParts): Promise<StagedBook> {
    const stored = decodeStaged(await parts.store.readDocument(STAGED_DOCUMENT));
    if (stored.is === 'damaged') parts.log.log('error', 'staged.damaged', {});
    return new StagedBook(parts, stored.is === 'whole' ? stored.record : NO_RECORD, stored.is === 'damaged');
  }

  get ended(): readonly EndedEntry[] {
    return this.#ended;
  }

  get seen(): readonly SeenVolume[] {
    return this.#seen;
  }

  get(key: string): StagedEntry | undefined {
    return this.#entries.get(key);
  }

  keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  put(entry: StagedEntry): void {
    this.#entries.set(entry.id, {
      ...entry,
      ...(entry.why === undefined ? {} : { why: shortReason(entry.why) }),
    });
  }

  change(key: string, by: Partial<StagedEntry>): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.put({ ...entry, ...by });
  }

  /** The order has ended; undefined where only its entry is to go. */
  close(key: string, end: EndedEntry | undefined): void {
    this.#entries.delete(key);
    if (end !== undefined) this.#ended = [...this.#ended, end].slice(-MOST_ENDED);
  }

  /** True where these are other volumes than those that were seen last. */
  see(volumes: readonly SeenVolume[]): boolean {
    if (JSON.stringify(volumes) === JSON.stringify(this.#seen)) return false;
    this.#seen = volumes;
    return true;
  }

  /** All of it, durable when it resolves; false where own storage has no room. */
  save(): Promise<boolean> {
    const saving = this.#saving.then(() => this.#save());
    this.#saving = saving;
    return saving;
  }

  async #save(): Promise<boolean> {
    const { store, log, onFatal } = this.#o;
    const record = { orders: [...this.#entries.values()], ended: [...this.#ended], seen: [...this.#seen] };
    try {
      await store.writeDocument(STAGED_DOCUMENT, encodeStaged(record));
      return true;
    } catch (error) {
      log.log('error', 'staged.unsaved', { error: asNsError(error).message });
      if (!hasCode(error, 'NS_STATE_FULL')) onFatal(asNsError(error));
      return false;
    }
  }
}
