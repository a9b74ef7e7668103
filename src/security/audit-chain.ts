import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { encode, readCbor } from '../protocol/index.ts';

/** One line of the audit log. */
export interface AuditEntry {
  /** 0, 1, 2, …: none is ever left out. */
  readonly seq: number;
  /** Seconds since 1970 by the wall clock, which may be wrong: order is told by seq. */
  readonly at: number;
  readonly event: string;
  /** Key id of whoever caused it. */
  readonly by?: Uint8Array;
  readonly detail: string;
}

/** Where a chain stands: the number of the entry that comes next, and the hash that it must carry on. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** An entry with the hash of the entry before, as stored. */
export interface AuditLink {
  readonly entry: AuditEntry;
  readonly prev: Uint8Array;
}

export const GENESIS: AuditHead = { seq: 0, hash: new Uint8Array(32) };

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const stored = v.strictObject({
  seq: count,
  at: count,
  event: v.string(),
  by: v.optional(v.instance(Uint8Array)),
  detail: v.string(),
  prev: v.pipe(
    v.instance(Uint8Array),
    v.check((bytes) => bytes.byteLength === 32),
  ),
});

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/** The bytes of an entry that follows `head`, and the head after it. The hash covers the entry and the hash before. */
export function appendEntry(
  head: AuditHead,
  entry: Omit<AuditEntry, 'seq'>,
): { readonly bytes: Uint8Array; readonly head: AuditHead } {
  const { at, event, by, detail } = entry;
  // The order of the keys is part of the form: both sides hash these bytes.
  const bytes = encode({ seq: head.seq, at, event, by, detail, prev: head.hash });
  return { bytes, head: { seq: head.seq + 1, hash: sha256(bytes) } };
}

/** The link that these bytes are; undefined where they are none. */
export function readLink(bytes: Uint8Array): AuditLink | undefined {
  const item = readCbor(bytes, { maxDepth: 1, maxItems: 16 });
  const shape = item.ok ? v.safeParse(stored, item.value) : undefined;
  if (shape?.success !== true) return undefined;
  const { seq, at, event, by, detail, prev } = shape.output;
  return { entry: { seq, at, event, detail, ...(by === undefined ? {} : { by }) }, prev };
}

/** The head after the entry that these bytes are. */
export function headAfter(link: AuditLink, bytes: Uint8Array): AuditHead {
  return { seq: link.entry.seq + 1, hash: sha256(bytes) };
}

/**
 * Carries a chain on over entries as they were given out, from a head that is trusted already. The head after them is
 * to be compared with one that the device signed; undefined where an entry is missing or out of order.
 */
export function verifyChain(start: AuditHead, entries: readonly AuditEntry[]): AuditHead | undefined {
  let head = start;
  for (const entry of entries) {
    if (entry.seq !== head.seq) return undefined;
    head = appendEntry(head, entry).head;
  }
  return head;
}
