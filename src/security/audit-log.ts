import { ByteView, crc32c, equalBytes, NsError, utf8 } from '../base/index.ts';
import type { BlockDevice, StateStore, Stop } from '../ports/index.ts';
import {
  type AuditEntry,
  type AuditHead,
  type AuditLink,
  appendEntry,
  GENESIS,
  headAfter,
  readLink,
} from './audit-chain.ts';

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Chain hash after the last of them. */
  readonly head: Uint8Array;
  /** Chain hash that the first of them carries on. */
  readonly before: Uint8Array;
  /** Where to go on, where there is more. */
  readonly next?: number;
}

export interface AuditLogOptions {
  /** Name of the region. */
  readonly name?: string;
  /** Entries kept; the oldest goes when there are more. */
  readonly slots?: number;
}

/** A slot: magic, length and CRC-32C of the entry, then the entry. One entry is one write, so a power cut spoils at most the slot being written. */
const SLOT = 1024;
const FRAME = 12;
const MAGIC = 0x4e53_4155;
const SLOTS = 1024;
const MAX_DETAIL = 700;
const MAX_EVENT = 64;
const MAX_PAGE = 64;
const MAX_PENDING = 256;
/** Slots read at once when the log is opened. */
const WINDOW_SLOTS = 64;

function framed(bytes: Uint8Array): Uint8Array {
  const slot = new Uint8Array(SLOT);
  const view = new DataView(slot.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, bytes.byteLength);
  view.setUint32(8, crc32c(bytes));
  slot.set(bytes, FRAME);
  return slot;
}

function unframed(slot: Uint8Array): Uint8Array | undefined {
  const view = new ByteView(slot, 'audit slot');
  const length = view.u32be(4);
  if (view.u32be(0) !== MAGIC || length > SLOT - FRAME) return undefined;
  const bytes = view.slice(FRAME, length);
  return crc32c(bytes) === view.u32be(8) ? bytes : undefined;
}

/** Cut at a whole character, so that the entry fits its slot. */
function cut(text: string, max: number): string {
  const bytes = utf8(text);
  if (bytes.byteLength <= max) return text;
  let end = max - 3;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return `${Buffer.from(bytes.subarray(0, end)).toString('utf8')}…`;
}

/**
 * The device's audit log: a hash chain in a ring on its own storage. An entry is on stable storage when append returns.
 * Whatever breaks the chain ends what can be read: only the unbroken end of it is ever given out.
 */
export class AuditLog {
  readonly #region: BlockDevice;
  readonly #slots: number;
  #head: AuditHead;
  #first: number;
  #pending = 0;
  #tail: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<(entry: AuditEntry) => void>();

  private constructor(region: BlockDevice, slots: number, head: AuditHead, first: number) {
    this.#region = region;
    this.#slots = slots;
    this.#head = head;
    this.#first = first;
  }

  /** Finds the newest entry and how far back the chain holds. */
  static async open(store: StateStore, options: AuditLogOptions = {}): Promise<AuditLog> {
    const slots = options.slots ?? SLOTS;
    const region = await store.region(options.name ?? 'audit', slots * SLOT);
    const links = new Map<number, { readonly link: AuditLink; readonly head: AuditHead }>();
    let newest = -1;
    const window = new Uint8Array(WINDOW_SLOTS * SLOT);
    for (let index = 0; index < slots; index += 1) {
      const place = index % WINDOW_SLOTS;
      if (place === 0)
        await region.read(index * SLOT, window.subarray(0, Math.min(WINDOW_SLOTS, slots - index) * SLOT));
      const found = decodeSlot(window.slice(place * SLOT, (place + 1) * SLOT));
      if (found === undefined || found.link.entry.seq % slots !== index) continue;
      links.set(found.link.entry.seq, found);
      newest = Math.max(newest, found.link.entry.seq);
    }
    const top = links.get(newest);
    if (top === undefined) return new AuditLog(region, slots, GENESIS, 0);
    let first = newest;
    for (let at = top; ; first -= 1) {
      const before = links.get(first - 1);
      if (before === undefined || !equalBytes(before.head.hash, at.link.prev)) break;
      at = before;
    }
    return new AuditLog(region, slots, top.head, first);
  }

  /** Waits for what is being written and closes the region. */
  async close(): Promise<void> {
    await this.#tail;
    await this.#region.close();
  }

  /** Number and hash that the next entry carries on. */
  get head(): AuditHead {
    return this.#head;
  }

  /** Number of the oldest entry that can be read. */
  get first(): number {
    return this.#first;
  }

  /** Durable on return. NS_AUDIT_BUSY where too many entries wait; storage errors as the store gives them. */
  async append(entry: Omit<AuditEntry, 'seq'>): Promise<AuditHead> {
    if (this.#pending >= MAX_PENDING) {
      throw new NsError('NS_AUDIT_BUSY', 'too many audit entries wait for the storage', { retryable: true });
    }
    this.#pending += 1;
    const turn = this.#tail.then(async () => this.#write(entry));
    this.#tail = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#pending -= 1;
    }
  }

  async #write(entry: Omit<AuditEntry, 'seq'>): Promise<AuditHead> {
    const short = { ...entry, event: cut(entry.event, MAX_EVENT), detail: cut(entry.detail, MAX_DETAIL) };
    const { bytes, head } = appendEntry(this.#head, short);
    await this.#region.write((this.#head.seq % this.#slots) * SLOT, framed(bytes));
    await this.#region.flush();
    this.#head = head;
    this.#first = Math.max(this.#first, head.seq - this.#slots);
    for (const listener of this.#listeners) listener({ ...short, seq: head.seq - 1 });
    return head;
  }

  /** Called with each entry once it is on stable storage. A listener does not throw. */
  onAppended(listener: (entry: AuditEntry) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Entries from number `from` (by default, or where it is gone, the oldest) on, at most 64. NS_AUDIT_DAMAGED where
   * the storage no longer holds what was written.
   */
  read(from = 0, limit = MAX_PAGE): Promise<AuditPage> {
    // In turn: an entry that is being written takes the place of the oldest.
    const turn = this.#tail.then(() => this.#read(from, limit));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #read(from: number, limit: number): Promise<AuditPage> {
    const start = Math.min(Math.max(from, this.#first), this.#head.seq);
    const end = Math.min(this.#head.seq, start + Math.max(0, Math.min(limit, MAX_PAGE)));
    const entries: AuditEntry[] = [];
    let before: Uint8Array | undefined;
    let head: Uint8Array | undefined;
    for (let seq = start; seq < end; seq += 1) {
      const found = await readSlot(this.#region, seq % this.#slots);
      if (
        found === undefined ||
        found.link.entry.seq !== seq ||
        (head !== undefined && !equalBytes(found.link.prev, head))
      ) {
        throw new NsError('NS_AUDIT_DAMAGED', `audit entry ${seq} is not as it was written`);
      }
      before ??= found.link.prev;
      entries.push(found.link.entry);
      head = found.head.hash;
    }
    return {
      entries,
      head: head ?? this.#head.hash,
      before: before ?? this.#head.hash,
      ...(end < this.#head.seq ? { next: end } : {}),
    };
  }
}

async function readSlot(
  region: BlockDevice,
  index: number,
): Promise<{ readonly link: AuditLink; readonly head: AuditHead } | undefined> {
  const slot = new Uint8Array(SLOT);
  await region.read(index * SLOT, slot);
  return decodeSlot(slot);
}

function decodeSlot(slot: Uint8Array): { readonly link: AuditLink; readonly head: AuditHead } | undefined {
  const bytes = unframed(slot);
  const link = bytes === undefined ? undefined : readLink(bytes);
  return bytes === undefined || link === undefined ? undefined : { link, head: headAfter(link, bytes) };
}
