import { toHex } from '../../base/index.ts';
import type { StateStore } from '../../ports/index.ts';
import { RecordLog } from './log.ts';
import {
  type DoneRecord,
  decodeRecord,
  encodeRecord,
  type IntentRecord,
  type JournalRecord,
  type ReceivedRecord,
} from './record.ts';

/** An order in the journal: open while `done` is missing. */
export interface JournaledOrder {
  readonly hash: Uint8Array;
  readonly received?: ReceivedRecord;
  /** An effect that began and was not called off. Not in `stepsDone`: it may or may not have happened. */
  readonly intents: readonly IntentRecord[];
  readonly stepsDone: ReadonlySet<number>;
  /** Number of the next step: higher than that of any step before. */
  readonly nextStep: number;
  readonly done?: DoneRecord;
  /** The broker has the answer. */
  readonly told: boolean;
}

interface Entry {
  hash: Uint8Array;
  received?: ReceivedRecord;
  intents: IntentRecord[];
  stepsDone: Set<number>;
  nextStep: number;
  done?: DoneRecord;
  told: boolean;
}

/** The counters used by each issuer, kept in memory elsewhere and made durable by the journal. */
export interface CounterMemory {
  restore(state: Uint8Array): void;
  remember(issuer: Uint8Array, counter: number): void;
  snapshot(): Uint8Array;
}

/** Room kept for the end of orders that are in: the largest receipt, an intent and a step record, framed. */
export const RESERVED_PER_ORDER = 112 * 1024;
/** The same for one that waits: a receipt without a result. It is tried only when there is room for a result. */
const RESERVED_PARKED = 8 * 1024;

/** Ids in one record of what was told. */
const TOLD_MAX = 256;

/**
 * The orders this device has taken and how each ended. Ended orders are kept, newest first, while there is room, so
 * that the same packet gets the same receipt; older ones are refused by their counter.
 */
export class Journal {
  readonly #log: RecordLog;
  readonly #orders = new Map<string, Entry>();
  readonly #counters: CounterMemory;
  /** Orders without an answer. */
  #open = 0;
  /** Those among them that wait, and take no step. */
  readonly #parked = new Set<string>();
  /** Answers on their way to stable storage. */
  readonly #writing = new Set<string>();
  /** Answers that the broker has, and no record says so yet. */
  #told: Uint8Array[] = [];
  #compacting: Promise<void> | undefined;

  private constructor(log: RecordLog, counters: CounterMemory) {
    this.#log = log;
    this.#counters = counters;
  }

  /**
   * Opens the journal, made when new, and tells `counters` of every counter that it knows to be used. `session` is a
   * random number of this opening.
   */
  static async open(
    store: StateStore,
    regionSize: number,
    counters: CounterMemory,
    session: number,
  ): Promise<Journal> {
    const { log, payloads } = await RecordLog.open(store, regionSize, session);
    const journal = new Journal(log, counters);
    for (const payload of payloads) {
      const record = decodeRecord(payload);
      if (record.r === 'freshness') counters.restore(record.state);
      if (record.r === 'received') counters.remember(record.window ?? record.iss, record.ctr);
      journal.#apply(record);
    }
    return journal;
  }

  get(id: Uint8Array): JournaledOrder | undefined {
    return this.#orders.get(toHex(id));
  }

  /** The answer to an order, once it is durable. */
  answer(id: Uint8Array): DoneRecord | undefined {
    const key = toHex(id);
    return this.#writing.has(key) ? undefined : this.#orders.get(key)?.done;
  }

  /** Notes that the broker has the answer; goes to stable storage with whatever is written next, or by `keepTold`. */
  noteTold(id: Uint8Array): void {
    const entry = this.#orders.get(toHex(id));
    if (entry?.done === undefined || entry.told) return;
    entry.told = true;
    this.#told.push(id);
  }

  /** Makes what was noted durable, where there is room: without it answers are sent once more, and no harm is done. */
  async keepTold(): Promise<void> {
    if (this.#told.length > 0 && this.#log.room > RESERVED_PER_ORDER) await this.append();
  }

  orders(): IterableIterator<JournaledOrder> {
    return this.#orders.values();
  }

  /** Orders without an answer, without those that are parked. */
  get openCount(): number {
    return this.#open - this.#parked.size;
  }

  /** What it holds: bytes used, and of how many; orders with and without an answer. */
  get usage(): {
    readonly bytes: number;
    readonly capacity: number;
    readonly orders: number;
    readonly open: number;
  } {
    const { capacity, room } = this.#log;
    return { bytes: capacity - room, capacity, orders: this.#orders.size, open: this.#open };
  }

  /** The order takes no step until it is unparked, and ends with a refusal if it ends before. */
  park(id: Uint8Array): void {
    const entry = this.#orders.get(toHex(id));
    if (entry !== undefined && entry.done === undefined) this.#parked.add(toHex(id));
  }

  /** False where there is no room for what it may still have to say; it stays parked then. */
  async unpark(id: Uint8Array): Promise<boolean> {
    if (!(await this.admits(0))) return false;
    this.#parked.delete(toHex(id));
    return true;
  }

  /** False where taking another order could leave one of those that are in without room for its end. */
  async admits(packetSize: number): Promise<boolean> {
    const parked = this.#parked.size * RESERVED_PARKED;
    const needed = packetSize + 4096 + parked + (this.openCount + 1) * RESERVED_PER_ORDER;
    if (this.#log.room >= needed) return true;
    await this.compact();
    return this.#log.room >= needed;
  }

  /** Durable when it resolves; all records together or none. */
  async append(...records: readonly JournalRecord[]): Promise<void> {
    while (this.#compacting !== undefined) await this.#compacting;
    // Applied at once, so that a second packet of the same id sees the first.
    for (const record of records) this.#apply(record);
    const answered = records.flatMap((record) => (record.r === 'done' ? [toHex(record.id)] : []));
    for (const key of answered) this.#writing.add(key);
    // A failed append ends the process, so an answer that is not durable is never given out.
    await this.#log.append([...this.#takeTold(), ...records].map(encodeRecord));
    for (const key of answered) this.#writing.delete(key);
  }

  #takeTold(): JournalRecord[] {
    const ids = this.#told.splice(0, TOLD_MAX);
    return ids.length === 0 ? [] : [{ r: 'told', ids }];
  }

  /** Keeps every open order whole and the newest ended ones in half of the room; drops the rest. */
  compact(): Promise<void> {
    this.#compacting ??= this.#compact().finally(() => {
      this.#compacting = undefined;
    });
    return this.#compacting;
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  async #compact(): Promise<void> {
    const open: JournalRecord[] = [];
    const ended: DoneRecord[] = [];
    for (const entry of this.#orders.values()) {
      if (entry.done !== undefined) ended.push(entry.done);
      else if (entry.received !== undefined) {
        open.push(entry.received, ...entry.intents);
        for (const step of entry.stepsDone) open.push({ r: 'step-done', id: entry.received.id, step });
      }
    }
    ended.sort((a, b) => b.seq - a.seq);
    const kept: DoneRecord[] = [];
    let size = 0;
    for (const done of ended) {
      size += done.receipt.byteLength + 256;
      if (size > this.#log.capacity / 2 && kept.length > 0) break;
      kept.push(done);
    }
    kept.reverse();
    const freshness: JournalRecord = { r: 'freshness', state: this.#counters.snapshot() };
    const told = kept.flatMap(({ id }) => (this.#orders.get(toHex(id))?.told ? [id] : []));
    const notes: JournalRecord[] = [];
    for (let at = 0; at < told.length; at += TOLD_MAX)
      notes.push({ r: 'told', ids: told.slice(at, at + TOLD_MAX) });
    const records: JournalRecord[] = [freshness, ...kept, ...notes, ...open];
    await this.#log.rewrite(records.map(encodeRecord));
    this.#orders.clear();
    this.#open = 0;
    for (const record of records) this.#apply(record);
  }

  #apply(record: JournalRecord): void {
    if (record.r === 'freshness') return;
    if (record.r === 'told') {
      for (const id of record.ids) {
        const answered = this.#orders.get(toHex(id));
        if (answered !== undefined) answered.told = true;
      }
      return;
    }
    const key = toHex(record.id);
    let entry = this.#orders.get(key);
    if (entry === undefined) {
      entry = { hash: new Uint8Array(0), intents: [], stepsDone: new Set(), nextStep: 0, told: false };
      this.#orders.set(key, entry);
      this.#open += 1;
    }
    switch (record.r) {
      case 'received':
        entry.received = record;
        entry.hash = record.hash;
        break;
      case 'intent':
        entry.intents.push(record);
        entry.nextStep = record.step + 1;
        break;
      case 'step-done':
        entry.stepsDone.add(record.step);
        break;
      case 'step-void':
        entry.intents = entry.intents.filter(({ step }) => step !== record.step);
        break;
      case 'done':
        if (entry.done === undefined) this.#open -= 1;
        this.#parked.delete(key);
        entry.done = record;
        entry.hash = record.hash;
        // The answer is all that is needed from here on.
        delete entry.received;
        entry.intents = [];
        break;
    }
  }
}
