import { equalBytes, toHex } from '../base/index.ts';
import { type Finding, note, wrong } from './finding.ts';
import type { CheckedReceipt } from './verify-receipt.ts';

/** What is kept of a receipt to check the chain: little, since there may be very many. */
export interface ChainLink {
  readonly seq: number;
  readonly prev: Uint8Array;
  readonly hash: Uint8Array;
  readonly source: string;
  readonly boot: string;
  /** By the device's wall clock, as the receipt was signed. */
  readonly signedAt: number;
}

export interface ChainReport {
  readonly receipts: number;
  readonly first: number;
  readonly last: number;
  /** Numbers of which no receipt is here, as [from, to]. */
  readonly gaps: readonly (readonly [number, number])[];
  readonly findings: readonly Finding[];
}

const RESTORED = 'the device was put back to an older state, or there are two of it';
const MOST_GAPS = 1000;
/** What a wall clock may be set back by without a word, in seconds. */
const CLOCK_SLACK = 60;

export function linkOf({ receipt, hash, source }: CheckedReceipt): ChainLink {
  const { seq, prev, boot, receivedAt, tookMs } = receipt;
  return { seq, prev, hash, source, boot: toHex(boot), signedAt: receivedAt + tookMs / 1000 };
}

/**
 * Checks the receipts of one device against each other: each carries on the one before. Other operators' receipts are
 * missing here, so a gap is no fault; two receipts with one number, or one that carries on another than that kept, is.
 */
export function verifyChainOf(links: readonly ChainLink[]): ChainReport {
  const bySeq = new Map<number, ChainLink[]>();
  for (const link of links) {
    const there = bySeq.get(link.seq) ?? [];
    if (there.some(({ hash }) => equalBytes(hash, link.hash))) continue;
    bySeq.set(link.seq, [...there, link]);
  }
  const numbers = [...bySeq.keys()].toSorted((a, b) => a - b);
  const findings: Finding[] = [];
  const gaps: (readonly [number, number])[] = [];
  let before = 0;
  let last: ChainLink | undefined;
  for (const seq of numbers) {
    const here = bySeq.get(seq) ?? [];
    if (seq > before + 1 && gaps.length < MOST_GAPS) gaps.push([before + 1, seq - 1]);
    if (here.length > 1) findings.push(forked(seq, here));
    for (const link of here) findings.push(...carriesOn(link, bySeq.get(seq - 1)));
    const [link] = here;
    if (link !== undefined && last !== undefined && link.signedAt + CLOCK_SLACK < last.signedAt) {
      const back = Math.round(last.signedAt - link.signedAt);
      findings.push(
        note(
          'CLOCK_SET_BACK',
          `Between receipts ${last.seq} and ${seq} the device's wall clock went back by ${back} s.`,
        ),
      );
    }
    last = link ?? last;
    before = seq;
  }
  const receipts = numbers.reduce((sum, seq) => sum + (bySeq.get(seq)?.length ?? 0), 0);
  return { receipts, first: numbers[0] ?? 0, last: before, gaps, findings };
}

function forked(seq: number, links: readonly ChainLink[]): Finding {
  const where = links.map(({ source }) => source).join(' and ');
  return wrong('FORK', `${links.length} different receipts have the number ${seq} (${where}): ${RESTORED}.`);
}

function carriesOn({ seq, prev, source }: ChainLink, before: readonly ChainLink[] | undefined): Finding[] {
  const first = prev.every((byte) => byte === 0);
  if (seq <= 1 !== first) {
    const says = first ? 'says that it is the first' : 'carries on one before the first';
    return [wrong('CHAIN_START', `Receipt ${seq} (${source}) ${says}: ${RESTORED}.`)];
  }
  if (before === undefined || before.some(({ hash }) => equalBytes(hash, prev))) return [];
  return [
    wrong(
      'CHAIN_BROKEN',
      `Receipt ${seq} (${source}) carries on another receipt ${seq - 1} than the one here: ${RESTORED}.`,
    ),
  ];
}
