import { createHash } from 'node:crypto';
import { equalBytes } from '../base/index.ts';
import {
  type Order,
  parseMessage,
  type Receipt,
  type ResultOf,
  sampleRanges,
  VERBS,
} from '../protocol/index.ts';
import { type Finding, unchecked, wrong } from './finding.ts';
import type { CheckedReceipt } from './verify-receipt.ts';

type Samples = NonNullable<ResultOf<'file.download'>['readBack']>['samples'];

/** A file of the operator's, by which receipts are checked. */
export interface FileInHand {
  readonly size: number;
  readonly sha256: Uint8Array;
  /** Fills `into`, which lies within the file. */
  read(offset: number, into: Uint8Array): Promise<void>;
}

export function samplesOf(receipt: Receipt): Samples | undefined {
  if (receipt.verb !== 'file.download') return undefined;
  const result = parseMessage(VERBS['file.download'].result, receipt.result);
  return result.ok ? result.value.readBack?.samples : undefined;
}

/** Whether the ranges that the device read back are those that the order called for. */
export function checkSamples(receipt: Receipt, order: Order | undefined): Finding[] {
  const samples = samplesOf(receipt);
  if (samples === undefined || order?.verb !== 'file.download') return [];
  const wanted = sampleRanges(order.id, order.args.size);
  const same =
    samples.length === wanted.length &&
    samples.every(({ offset, length }, i) => offset === wanted[i]?.offset && length === wanted[i]?.length);
  if (!same)
    return [
      wrong('OTHER_SAMPLES', 'The device read back other parts of the file than this order calls for.'),
    ];
  const [only] = samples;
  const whole = samples.length === 1 && only?.length === order.args.size;
  return whole && !equalBytes(only.sha256, order.args.sha256)
    ? [wrong('SAMPLE_DIFFERS', 'What the device read back is not the file that was ordered.')]
    : [];
}

/** Whether a file can be held against it: a get or a put that was done. */
export function isAboutFile({ receipt }: CheckedReceipt): boolean {
  const { verb, result } = receipt;
  if (verb === 'file.upload') return parseMessage(VERBS[verb].result, result).ok;
  if (verb !== 'file.download') return false;
  const put = parseMessage(VERBS[verb].result, result);
  return put.ok && !put.value.dryRun;
}

/** Holds a receipt of a get or a put against the file itself. */
export async function checkContents(checked: CheckedReceipt, file: FileInHand): Promise<Finding[]> {
  const { receipt, order } = checked;
  const sent = parseMessage(VERBS['file.upload'].result, receipt.result);
  if (receipt.verb === 'file.upload' && sent.ok) {
    return equalBytes(sent.value.sha256, file.sha256) ? [] : [otherFile()];
  }
  if (receipt.verb !== 'file.download') return [];
  if (order?.verb === 'file.download' && !equalBytes(order.args.sha256, file.sha256)) return [otherFile()];
  const samples = samplesOf(receipt);
  if (samples === undefined)
    return [unchecked('NO_SAMPLES', 'The receipt says nothing of the file as read back from the disk.')];
  for (const { offset, length, sha256 } of samples) {
    if (offset + length > file.size) return [otherFile()];
    const bytes = new Uint8Array(length);
    await file.read(offset, bytes);
    if (equalBytes(new Uint8Array(createHash('sha256').update(bytes).digest()), sha256)) continue;
    return [
      wrong(
        'SAMPLE_DIFFERS',
        `The disk held other bytes than the file from byte ${offset} to ${offset + length}.`,
      ),
    ];
  }
  return [];
}

function otherFile(): Finding {
  return wrong('OTHER_FILE', 'The file given is not the one that the receipt is about.');
}
