import { asNsError, seconds } from '../../base/index.ts';
import type { BlockDevice, Clock, LogSink, StateStore } from '../../ports/index.ts';
import { LAST_RECORD } from '../commands/get-sel-entry.ts';
import { le16 } from '../wire/bits.ts';
import {
  decodeHeader,
  decodeSlot,
  encodeHeader,
  encodeSlot,
  FREE_SLOT,
  HEADER,
  type KeptRecord,
  type LogHeader,
  NEW_LOG,
  SLOT,
} from './sel-slots.ts';

export const SEL_RECORDS = 512;
/** Records of the host, of operators and of sessions may take this many places, so that nobody can push the others out. */
export const PASSING_RECORDS = 128;
/** Of the host and of operators so many at once, and one a second. */
const FOREIGN_BURST = 64;
/** Between two writes to the storage: flash wears. */
const WRITE_EVERY = seconds(1);
const REGION = 'sel';
/** The time after it stands for none. */
const LAST_TIME = 0xffff_fffe;

export interface SelStoreOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: LogSink;
}

export interface AddOptions {
  /** When it happened, in seconds since 1970 by the wall clock; now, where it is not said. */
  readonly at?: number;
  /** It may come in any number: see PASSING_RECORDS. */
  readonly passing?: boolean;
}

/** In the order in which they were added. */
type Slots = Map<number, KeptRecord>;

/**
 * The system event log: 512 records, of which the oldest goes when there are more. An addition takes effect at once and is
 * on stable storage a second later at most; where the storage fails, the log goes on in memory and says that it is broken.
 * It is a courtesy to IPMI's tools: what happened is proved by the audit log.
 */
export class SelStore {
  readonly #clock: Clock;
  readonly #log: LogSink;
  readonly #region: BlockDevice;
  readonly #slots: Slots;
  #header: LogHeader;
  #sequence: number;
  #offset = 0;
  #reservation = 0;
  #allowance = FOREIGN_BURST;
  #allowanceAt: number;
  #dirty = new Set<number>();
  #headerDirty = false;
  #writing: Promise<void> | undefined;
  #hurry = new AbortController();
  #broken = false;

  private constructor({ clock, log }: SelStoreOptions, region: BlockDevice, header: LogHeader, slots: Slots) {
    this.#clock = clock;
    this.#log = log;
    this.#region = region;
    this.#header = header;
    this.#slots = slots;
    this.#sequence = Math.max(header.erasedTo, ...[...slots.values()].map((kept) => kept.sequence));
    this.#allowanceAt = clock.monotonic();
  }

  /** Reads what an earlier run left. Storage errors as the store gives them. */
  static async open(options: SelStoreOptions): Promise<SelStore> {
    const region = await options.store.region(REGION, 2 * HEADER + SEL_RECORDS * SLOT);
    const bytes = new Uint8Array(2 * HEADER + SEL_RECORDS * SLOT);
    await region.read(0, bytes);
    const headers = [0, HEADER].flatMap((at) => decodeHeader(bytes.subarray(at, at + HEADER)) ?? []);
    const header = headers.sort((a, b) => b.generation - a.generation)[0] ?? NEW_LOG;
    const found: [number, KeptRecord][] = [];
    for (let slot = 0; slot < SEL_RECORDS; slot += 1) {
      const at = placeOf(slot);
      const kept = decodeSlot(bytes.subarray(at, at + SLOT));
      if (kept !== undefined && kept.sequence > header.erasedTo) found.push([slot, kept]);
    }
    found.sort(([, a], [, b]) => a.sequence - b.sequence);
    return new SelStore(options, region, header, new Map(found));
  }

  /** The oldest first. */
  get records(): readonly KeptRecord[] {
    return [...this.#slots.values()];
  }

  /** The storage failed: nothing is kept over a restart any more. */
  get broken(): boolean {
    return this.#broken;
  }

  get info(): Pick<LogHeader, 'lastErase' | 'overflow' | 'lastAddition'> & { readonly entries: number } {
    const { lastErase, overflow } = this.#header;
    const lastAddition = this.records.at(-1)?.added ?? this.#header.lastAddition;
    return { entries: this.#slots.size, lastErase, lastAddition, overflow };
  }

  /** Seconds since 1970 by the log's own clock: the wall clock, and what an operator has set it apart by. */
  now(): number {
    return this.#timeAt(this.#clock.wallSeconds());
  }

  /** Moves the log's clock alone, until a restart: nothing else goes by it. */
  setTime(time: number): void {
    this.#offset = time - this.#clock.wallSeconds();
  }

  /** Ends the reservation before it. */
  reserve(): number {
    this.#reservation = (this.#reservation % 0xffff) + 1;
    return this.#reservation;
  }

  isReserved(reservation: number): boolean {
    return reservation !== 0 && reservation === this.#reservation;
  }

  /** The record's id, which the log gives it, with the time where its type has one. */
  add(record: Uint8Array, { at, passing = false }: AddOptions = {}): number {
    return this.#add(record, passing, this.#timeAt(at ?? this.#clock.wallSeconds()));
  }

  /** A record of the host or of an operator. Undefined where these come too fast. */
  addForeign(record: Uint8Array): number | undefined {
    const now = this.#clock.monotonic();
    const gained = (now - this.#allowanceAt) / WRITE_EVERY;
    this.#allowance = Math.min(FOREIGN_BURST, this.#allowance + gained);
    this.#allowanceAt = now;
    if (this.#allowance < 1) return undefined;
    this.#allowance -= 1;
    return this.#add(record, true, this.now());
  }

  /** False where there is no such record. */
  delete(id: number): boolean {
    const found = [...this.#slots].find(([, kept]) => idOf(kept) === id);
    if (found === undefined) return false;
    this.#free(found[0]);
    this.#setHeader({ lastErase: this.now() });
    return true;
  }

  clear(): void {
    const lastAddition = this.info.lastAddition;
    this.#slots.clear();
    this.#reservation = 0;
    this.#setHeader({ erasedTo: this.#sequence, lastErase: this.now(), lastAddition, overflow: false });
  }

  /** On return everything so far is on stable storage, unless it is broken. */
  async flush(): Promise<void> {
    this.#hurry.abort();
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#region.close();
  }

  #add(bytes: Uint8Array, passing: boolean, added: number): number {
    this.#makeRoom(passing);
    const taken = new Set(this.records.map(idOf));
    do this.#sequence += 1;
    while (taken.has(idFor(this.#sequence)));
    const id = idFor(this.#sequence);
    const record = stamped(bytes, id, added);
    let slot = this.#sequence % SEL_RECORDS;
    while (this.#slots.has(slot)) slot = (slot + 1) % SEL_RECORDS;
    this.#slots.set(slot, { sequence: this.#sequence, passing, added, record });
    this.#mark(slot);
    return id;
  }

  #timeAt(wallSeconds: number): number {
    return Math.min(Math.max(0, wallSeconds + this.#offset), LAST_TIME);
  }

  #makeRoom(passing: boolean): void {
    const all = [...this.#slots];
    const others = all.filter(([, kept]) => kept.passing);
    const tooMany = passing && others.length >= PASSING_RECORDS;
    const goes = tooMany ? others[0] : all.length >= SEL_RECORDS ? all[0] : undefined;
    if (goes === undefined) return;
    this.#free(goes[0]);
    if (!this.#header.overflow) this.#setHeader({ overflow: true });
  }

  #free(slot: number): void {
    this.#slots.delete(slot);
    this.#reservation = 0;
    this.#mark(slot);
  }

  #setHeader(change: Partial<LogHeader>): void {
    this.#header = { ...this.#header, ...change };
    this.#headerDirty = true;
    this.#start();
  }

  #mark(slot: number): void {
    this.#dirty.add(slot);
    this.#start();
  }

  #start(): void {
    if (this.#writing !== undefined || this.#broken) return;
    this.#hurry = new AbortController();
    this.#writing = this.#write()
      .catch((error: unknown) => {
        this.#broken = true;
        this.#log.log('error', 'sel.not-stored', { error: asNsError(error).message });
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #write(): Promise<void> {
    // What is changed in one turn goes out together.
    await Promise.resolve();
    while (this.#dirty.size > 0 || this.#headerDirty) {
      const slots = [...this.#dirty].sort((a, b) => a - b);
      this.#dirty.clear();
      if (this.#headerDirty) {
        this.#headerDirty = false;
        const header = { ...this.#header, generation: this.#header.generation + 1 };
        this.#header = header;
        await this.#region.write((header.generation % 2) * HEADER, encodeHeader(header));
      }
      for (const slot of slots) {
        const kept = this.#slots.get(slot);
        await this.#region.write(placeOf(slot), kept === undefined ? FREE_SLOT : encodeSlot(kept));
      }
      await this.#region.flush();
      await this.#clock.sleep(WRITE_EVERY, this.#hurry.signal).catch(() => undefined);
    }
  }
}

const placeOf = (slot: number): number => 2 * HEADER + slot * SLOT;
/** 1 to FFFEh: the ends of the log have ids of their own. */
const idFor = (sequence: number): number => ((sequence - 1) % (LAST_RECORD - 1)) + 1;
export const idOf = ({ record }: KeptRecord): number => record[0]! | (record[1]! << 8);

const OEM_TIMELESS = 0xe0;

/** Types from E0h on have no time (IPMI 2.0, 32.3). */
function stamped(bytes: Uint8Array, id: number, time: number): Uint8Array {
  const record = Uint8Array.from(bytes);
  record.set(le16(id), 0);
  if (record[2]! < OEM_TIMELESS) new DataView(record.buffer).setUint32(3, time, true);
  return record;
}
