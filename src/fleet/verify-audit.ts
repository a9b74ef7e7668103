import { equalBytes } from '../base/index.ts';
import { parseMessage, type Receipt, VERBS } from '../protocol/index.ts';
import { type AuditHead, appendEntry, GENESIS } from '../security/index.ts';
import { type Finding, note, wrong } from './finding.ts';

/** A head of a device's audit log that some signed message carried. */
export interface SeenHead extends AuditHead {
  /** Number of the receipt; undefined for another event. */
  readonly receipt: number | undefined;
  readonly source: string;
}

/** A stretch of the log as a signed answer to audit.read gave it: the chain's hash before each entry, and at the end. */
export interface SeenPage {
  readonly source: string;
  readonly first: number;
  readonly hashes: readonly Uint8Array[];
}

export interface AuditReport {
  /** Heads that signed messages carried, and how many of these were found in entries that were read. */
  readonly heads: number;
  readonly found: number;
  /** The entries that were read, as [from, to]. */
  readonly read: readonly (readonly [number, number])[];
  readonly findings: readonly Finding[];
}

export interface PageVerdict {
  readonly page: SeenPage | undefined;
  readonly findings: readonly Finding[];
}

const SAME_LOG = 'the log was rewritten, or its storage put back to an older state';

/** The page that a receipt of audit.read holds, its entries checked against its own head. */
export function pageOf(receipt: Receipt, source: string): PageVerdict {
  if (receipt.verb !== 'audit.read' || receipt.result === undefined) return { page: undefined, findings: [] };
  const parsed = parseMessage(VERBS['audit.read'].result, receipt.result);
  if (!parsed.ok)
    return {
      page: undefined,
      findings: [note('AUDIT_SHAPE', 'The entries have a shape that is not known here.')],
    };
  const { entries, head, before } = parsed.value;
  const [first] = entries;
  if (first === undefined) return { page: undefined, findings: [] };
  const start = before ?? (first.seq === 0 ? GENESIS.hash : undefined);
  if (start === undefined)
    return {
      page: undefined,
      findings: [note('AUDIT_NO_START', 'The answer does not say what its first entry carries on.')],
    };
  let at: AuditHead = { seq: first.seq, hash: start };
  const hashes: Uint8Array[] = [start];
  const broken = (): PageVerdict => ({
    page: undefined,
    findings: [
      wrong(
        'AUDIT_CHAIN',
        'The entries of the audit log do not make up the chain whose head was given with them.',
      ),
    ],
  });
  if (first.seq === 0 && !equalBytes(start, GENESIS.hash)) return broken();
  for (const { by, ...entry } of entries) {
    if (entry.seq !== at.seq) return broken();
    at = appendEntry(at, { ...entry, ...(by === undefined ? {} : { by }) }).head;
    hashes.push(at.hash);
  }
  if (!equalBytes(at.hash, head)) return broken();
  return { page: { source, first: first.seq, hashes }, findings: [] };
}

/** Whether one log holds all that was seen of it: every head, and every page, at any time. */
export function verifyAudit(heads: readonly SeenHead[], pages: readonly SeenPage[]): AuditReport {
  const findings: Finding[] = [];
  /** By number of entries: the hash that was seen there first. */
  const seen = new Map<
    number,
    { readonly hash: Uint8Array; readonly source: string; readonly page: boolean }
  >();
  const told = new Set<number>();
  const judge = (seq: number, hash: Uint8Array, source: string, page: boolean): void => {
    const known = seen.get(seq);
    if (known === undefined) seen.set(seq, { hash, source, page });
    else if (!equalBytes(known.hash, hash) && !told.has(seq)) {
      told.add(seq);
      findings.push(
        wrong(
          'AUDIT_REWRITTEN',
          `After ${seq} entries the audit log is another one in ${known.source} than in ${source}: ${SAME_LOG}.`,
        ),
      );
    }
  };
  for (const { first, hashes, source } of pages)
    for (const [i, hash] of hashes.entries()) judge(first + i, hash, source, true);
  for (const { seq, hash, source } of heads) judge(seq, hash, source, false);
  findings.push(...shrunk(heads));
  const positions = new Set([...seen].flatMap(([seq, { page }]) => (page ? [seq] : [])));
  const found = heads.filter(({ seq }) => positions.has(seq)).length;
  return { heads: heads.length, found, read: stretches(pages), findings };
}

/** A log only grows: of two receipts the later one cannot stand at fewer entries. */
function shrunk(heads: readonly SeenHead[]): Finding[] {
  const findings: Finding[] = [];
  let most: SeenHead | undefined;
  const inOrder = heads
    .filter((head) => head.receipt !== undefined)
    .toSorted((a, b) => (a.receipt as number) - (b.receipt as number) || a.seq - b.seq);
  for (const head of inOrder) {
    if (most !== undefined && head.seq < most.seq && most.receipt !== head.receipt) {
      findings.push(
        wrong(
          'AUDIT_CUT',
          `The audit log had ${most.seq} entries at receipt ${most.receipt} and ${head.seq} at receipt ${head.receipt}: it was cut short, or its storage put back to an older state.`,
        ),
      );
    }
    if (most === undefined || head.seq > most.seq) most = head;
  }
  return findings.slice(0, 20);
}

/** Entries that were read, neighbouring pages joined. */
function stretches(pages: readonly SeenPage[]): (readonly [number, number])[] {
  const joined: [number, number][] = [];
  for (const { first, hashes } of pages.toSorted((a, b) => a.first - b.first)) {
    const end = first + hashes.length - 2;
    const last = joined.at(-1);
    if (last !== undefined && first <= last[1] + 1) last[1] = Math.max(last[1], end);
    else joined.push([first, end]);
  }
  return joined;
}
