import { asNsError, formatBytes, toHex } from '../../base/index.ts';
import {
  encodeEvidence,
  fileLines,
  type KnownKeys,
  type OrderEvent,
  type OrderOutcome,
  showOutcome,
  Verification,
} from '../../fleet/index.ts';
import type { Verb } from '../../protocol/index.ts';
import { clean, type ShowOptions } from '../../show/index.ts';
import type { EndKind, HostEnd, ReceiptView } from '../../web/index.ts';
import { nextOf } from './web-forms.ts';

/** An order that was sent to one host. */
export interface SentOrder {
  readonly host: string;
  readonly verb: Verb;
  readonly packet: Uint8Array;
}

export interface EndedOrder {
  readonly end: HostEnd;
  /** The receipt with its order, as a file that "nightshift verify" takes. */
  readonly receipt: Uint8Array | undefined;
}

/** How an order ended, with what its receipt is worth: checked here as "nightshift verify" checks it, by the same keys. */
export function endOf(
  { host, verb, packet }: SentOrder,
  outcome: OrderOutcome,
  keys: KnownKeys,
  show: ShowOptions,
): EndedOrder {
  const lines = showOutcome(verb, outcome, show).map(clean);
  const [first = ''] = lines;
  const base = { host, lines };
  if (outcome.is === 'receipt') {
    const { receipt, result } = outcome;
    const bytes = encodeEvidence({
      tenant: keys.tenant,
      device: host,
      order: packet,
      receipt: outcome.packet,
    });
    const unkept = outcome.unkept === undefined ? {} : { unkept: clean(outcome.unkept.sentence) };
    const why = receipt.refusal ?? receipt.failure;
    const next = nextOf(verb, result);
    return {
      receipt: bytes,
      end: {
        ...base,
        is: receipt.outcome,
        ...(why === undefined ? {} : words(why)),
        ...(next === undefined ? {} : { next }),
        receipt: { ...verified(`${host}-${receipt.seq}.receipt`, bytes, keys), ...unkept },
      },
    };
  }
  const none = { receipt: undefined };
  switch (outcome.is) {
    case 'rejected':
      return { ...none, end: { ...base, is: 'refused', ...words(outcome.refusal) } };
    case 'staged': {
      const unkept = outcome.unkept === undefined ? [] : [`here: ${clean(outcome.unkept.sentence)}`];
      const fetch = `its receipt: nightshift receipt ${host} ${toHex(outcome.id)}`;
      return {
        ...none,
        end: { host, lines: [...lines, ...unkept, fetch], is: 'staged', ...words(outcome.waits) },
      };
    }
    default:
      return { ...none, end: { ...base, is: outcome.is satisfies EndKind, sentence: first } };
  }
}

function words(why: {
  readonly code: string;
  readonly sentence: string;
  readonly remedy?: string | undefined;
}): Pick<HostEnd, 'code' | 'sentence' | 'remedy'> {
  const { code, sentence, remedy } = why;
  return {
    code: clean(code),
    sentence: clean(sentence),
    ...(remedy === undefined ? {} : { remedy: clean(remedy) }),
  };
}

/** It was sent, and this side waits no more. */
export function leftOf(host: string): HostEnd {
  const sentence = 'the page ended before the order did: what became of it is not known here';
  const remedy = 'look with "nightshift tasks" and "nightshift audit"';
  return { host, is: 'no-answer', sentence, remedy, lines: [`no answer: ${sentence}`, `remedy: ${remedy}`] };
}

/** Nothing was sent. */
export function faultOf(host: string, error: unknown): HostEnd {
  const { code, sentence } = asNsError(error);
  return { host, is: 'not-sent', code, sentence: clean(sentence), lines: [`not sent: ${clean(sentence)}`] };
}

function verified(file: string, bytes: Uint8Array, keys: KnownKeys): ReceiptView {
  const verification = new Verification(keys);
  const checked = verification.add(file, bytes);
  const { counts } = verification.end();
  const verdict = counts.wrong > 0 ? 'WRONG' : counts.unchecked > 0 ? 'not checked' : 'holds';
  return { file, verdict, lines: fileLines(checked).map(clean) };
}

/** An event on the way, in a line. */
export function progressText(event: OrderEvent): string {
  switch (event.event) {
    case 'accepted':
      return 'the device has taken the order';
    case 'offer':
      return 'a file is ready';
    case 'staged':
      return clean(`staged, waits for ${event.waits.code}: ${event.waits.sentence}`);
    case 'progress': {
      const { stage, done, total, unit, sample } = event;
      if (sample !== undefined) {
        return `sample ${typeof sample === 'number' ? sample : toHex(sample.subarray(0, 32))}`;
      }
      const amount = (count: number): string =>
        unit === undefined || unit === 'B' || unit === 'bytes'
          ? formatBytes(count)
          : `${count} ${clean(unit)}`;
      // Rounded down: 100 % is said only of what is whole.
      const share = total === undefined || total === 0 ? '' : ` ${Math.floor((done * 100) / total)} %,`;
      return `${clean(stage)}:${share} ${amount(done)}${total === undefined ? '' : ` of ${amount(total)}`}`;
    }
  }
}
