import { asNsError, concatBytes, hasCode, NsError, seconds } from '../../base/index.ts';
import type { BlockDevice, Clock, LogSink, StateStore, Stop } from '../../ports/index.ts';
import {
  decodeLogRecord,
  encodeLogRecord,
  type LogMark,
  type LogRecord,
  SLOT,
  sizeOf,
} from './log-record.ts';

export interface ConsoleLogOptions {
  readonly store: Pick<StateStore, 'region' | 'remove'>;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Bytes of own storage; the oldest goes when it is full. */
  readonly size: number;
}

/** Name of the region in the state store. */
export const HOST_LOG_REGION = 'host-console-log';

const FLUSH = seconds(2);
/** What the host said later than this after the last mark has a new one. */
const MARK_EVERY = 10;
/** What own storage is written with at most, in the long run: flash wears, and a host may talk as much as it likes. */
const RATE = 16 * 1024;
const BURST = 256 * 1024;
/** Whole records that wait for storage. */
const MOST_WAITING = 64;

interface Growing {
  readonly seq: number;
  readonly marks: LogMark[];
  readonly pieces: Uint8Array[];
  length: number;
}

interface Place {
  readonly seq: number;
  readonly slot: number;
}

/**
 * What the host said, on own storage: bounded, the oldest goes first, and what was flushed outlives a power cut. A record that
 * grows is written to a free place each time, never over itself. Nobody waits for it; what comes too fast is counted, not kept.
 */
export class ConsoleLog {
  readonly #o: ConsoleLogOptions;
  readonly #region: BlockDevice;
  /** By number. */
  readonly #places: Place[];
  readonly #free: number[];
  #growing: Growing;
  #whole: LogRecord[] = [];
  #lost = 0;
  #marked = Number.NEGATIVE_INFINITY;
  #allowance = BURST;
  #refilled: number;
  #dirty = false;
  #stopTimer: Stop | undefined;
  #writing: Promise<void> = Promise.resolve();
  #broken = false;
  #closed = false;

  private constructor(o: ConsoleLogOptions, region: BlockDevice, places: Place[]) {
    this.#o = o;
    this.#region = region;
    this.#places = places;
    const used = new Set(places.map(({ slot }) => slot));
    this.#free = Array.from({ length: Math.floor(o.size / SLOT) }, (_, slot) => slot).filter(
      (n) => !used.has(n),
    );
    this.#growing = growing((places.at(-1)?.seq ?? -1) + 1);
    this.#growing.marks.push({ is: 'start', at: 0, seconds: o.clock.wallSeconds() });
    this.#refilled = o.clock.monotonic();
  }

  /** Goes on where an earlier run was cut off. A log of another size is begun anew. */
  static async open(o: ConsoleLogOptions): Promise<ConsoleLog> {
    const open = (): Promise<BlockDevice> => o.store.region(HOST_LOG_REGION, o.size);
    const region = await open().catch(async (error: unknown) => {
      if (!hasCode(error, 'NS_STATE_SIZE')) throw error;
      await o.store.remove(HOST_LOG_REGION);
      return open();
    });
    const newest = new Map<number, Place & { readonly has: number }>();
    for (let slot = 0; slot < Math.floor(o.size / SLOT); slot += 1) {
      const record = await readSlot(region, slot);
      if (record === undefined) continue;
      const has = record.bytes.byteLength + record.marks.length;
      if (has >= (newest.get(record.seq)?.has ?? 0)) newest.set(record.seq, { seq: record.seq, slot, has });
    }
    const places = [...newest.values()].sort((a, b) => a.seq - b.seq);
    return new ConsoleLog(o, region, places);
  }

  hear(bytes: Uint8Array): void {
    if (this.#broken || this.#closed) return;
    const allowed = bytes.subarray(0, this.#allow(bytes.byteLength));
    this.#add(allowed);
    this.#lost += bytes.byteLength - allowed.byteLength;
    if (this.#dirty) this.#stopTimer ??= this.#o.clock.after(FLUSH, () => this.#flushSoon());
  }

  /** The newest records, oldest first, at least so many bytes of them where there are so many; also what is not stored yet. */
  async read(atLeast: number): Promise<readonly LogRecord[]> {
    await this.flush().catch(() => undefined);
    const found: LogRecord[] = [];
    let bytes = 0;
    for (const { seq, slot } of [...this.#places].reverse()) {
      if (bytes >= atLeast) break;
      const record = await readSlot(this.#region, slot);
      // A place that was taken again meanwhile holds a newer one.
      if (record?.seq !== seq) continue;
      found.unshift(record);
      bytes += record.bytes.byteLength;
    }
    return found;
  }

  /** Durable on return. */
  async flush(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const turn = this.#writing.then(() => this.#write());
    this.#writing = turn.catch(() => undefined);
    await turn;
  }

  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    this.#closed = true;
    await this.#region.close();
  }

  #allow(count: number): number {
    const now = this.#o.clock.monotonic();
    this.#allowance = Math.min(BURST, this.#allowance + ((now - this.#refilled) * RATE) / 1000);
    this.#refilled = now;
    // What waits for slow storage is bounded too.
    const allowed = this.#whole.length >= MOST_WAITING ? 0 : Math.min(count, Math.floor(this.#allowance));
    this.#allowance -= allowed;
    return allowed;
  }

  #add(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#dirty = true;
    const now = this.#o.clock.wallSeconds();
    if (this.#lost > 0) this.#mark({ is: 'lost', count: this.#lost });
    this.#lost = 0;
    if (now - this.#marked >= MARK_EVERY || now < this.#marked) {
      this.#mark({ is: 'time', seconds: now });
      this.#marked = now;
    }
    for (let rest = bytes; rest.byteLength > 0; ) {
      const { marks, length } = this.#growing;
      const piece = rest.slice(0, SLOT - sizeOf(marks.length, length));
      if (piece.byteLength === 0) {
        this.#seal();
        continue;
      }
      this.#growing.pieces.push(piece);
      this.#growing.length += piece.byteLength;
      rest = rest.subarray(piece.byteLength);
    }
  }

  #mark(
    mark: { readonly is: 'time'; readonly seconds: number } | { readonly is: 'lost'; readonly count: number },
  ): void {
    if (SLOT - sizeOf(this.#growing.marks.length + 1, this.#growing.length) <= 0) this.#seal();
    this.#growing.marks.push({ ...mark, at: this.#growing.length });
  }

  #seal(): void {
    this.#whole.push(recordOf(this.#growing));
    this.#growing = growing(this.#growing.seq + 1);
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.flush().catch((error: unknown) => {
      if (this.#broken) return;
      // Once: what own storage cannot keep is missed, and nothing else.
      this.#broken = true;
      this.#o.log.log('error', 'host-console.log-failed', { error: asNsError(error).message });
    });
  }

  async #write(): Promise<void> {
    if (!this.#dirty || this.#closed) return;
    this.#dirty = false;
    const records = [...this.#whole, ...(this.#growing.length > 0 ? [recordOf(this.#growing)] : [])];
    try {
      for (const record of records) await this.#store(record);
    } catch (error) {
      this.#dirty = true;
      throw error;
    }
  }

  async #store(record: LogRecord): Promise<void> {
    const before = this.#places.at(-1);
    const slot = this.#free.shift() ?? this.#oldest();
    await this.#region.write(slot * SLOT, encodeLogRecord(record));
    await this.#region.flush();
    if (before?.seq === record.seq) {
      this.#places.pop();
      this.#free.push(before.slot);
    }
    this.#places.push({ seq: record.seq, slot });
    if (this.#whole[0]?.seq === record.seq) this.#whole.shift();
  }

  #oldest(): number {
    const place = this.#places.shift();
    if (place === undefined)
      throw new NsError('NS_STATE_SIZE', 'the log of the host has no room', { family: 'bug' });
    return place.slot;
  }
}

const growing = (seq: number): Growing => ({ seq, marks: [], pieces: [], length: 0 });

const recordOf = ({ seq, marks, pieces }: Growing): LogRecord => ({
  seq,
  marks: [...marks],
  bytes: concatBytes(...pieces),
});

async function readSlot(region: BlockDevice, slot: number): Promise<LogRecord | undefined> {
  const bytes = new Uint8Array(SLOT);
  await region.read(slot * SLOT, bytes);
  return decodeLogRecord(bytes);
}
