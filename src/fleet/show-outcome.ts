import { formatDuration, milliseconds, toHex } from '../base/index.ts';
import type { Receipt, ResultOf, Verb } from '../protocol/index.ts';
import { type ShowOptions, showResult, timeText } from '../show/index.ts';
import type { OrderOutcome, RefusalNote } from './outcome.ts';

/** "S5 throughout", "S5 -> S0 at 12 s", and what was not certain. */
export function powerTrace(power: Receipt['power']): string {
  if (power.length === 0) return 'not recorded';
  const state = (p: Receipt['power'][number]): string => `${p.state}${p.certain ? '' : ' (not certain)'}`;
  const parts: string[] = [];
  let last: string | undefined;
  for (const point of power) {
    const text = state(point);
    if (text !== last) {
      parts.push(last === undefined ? text : `${text} at ${formatDuration(milliseconds(point.at))}`);
    }
    last = text;
  }
  return parts.length === 1 ? `${parts[0]} throughout` : parts.join(' -> ');
}

function refusalLines(refusal: RefusalNote): string[] {
  return [`refused ${refusal.code}: ${refusal.sentence}`, `remedy: ${refusal.remedy}`];
}

function failureLines({ code, sentence, remedy }: NonNullable<Receipt['failure']>): string[] {
  return [`${code}: ${sentence}`, ...(remedy === undefined ? [] : [`remedy: ${remedy}`])];
}

function receiptLines<V extends Verb>(
  verb: V,
  receipt: Receipt,
  result: ResultOf<V> | undefined,
  options: ShowOptions,
): string[] {
  const [first = '', ...rest] = result === undefined ? [] : showResult(verb, result, options);
  const gist =
    result === undefined && receipt.result !== undefined ? 'its result is in a shape unknown here' : first;
  const head = [`${receipt.outcome}${gist === '' ? '' : `: ${gist}`}`, ...rest];
  const reason = receipt.refusal;
  const why =
    reason === undefined
      ? []
      : receipt.outcome === 'refused'
        ? refusalLines(reason)
        : [`${reason.code}: ${reason.sentence}`, `remedy: ${reason.remedy}`];
  const failure = receipt.failure === undefined ? [] : failureLines(receipt.failure);
  const lines =
    receipt.outcome === 'refused' && reason !== undefined
      ? [...why, ...(gist === '' ? [] : [`partly done: ${gist}`, ...rest])]
      : [...head, ...why, ...failure];
  return [...lines, ...askerLines(receipt), `power: ${powerTrace(receipt.power)}`];
}

/** Who signed an order that took more than one, or by a right that was passed on, as the device's keyring had them. */
function askerLines({ askers = [] }: Receipt): string[] {
  if (askers.length < 2 && askers.every(({ through }) => through === undefined)) return [];
  const names = askers.map(({ name, person }) => {
    const known = person === undefined || person === name || name.startsWith(`${person} for `);
    return known ? name : `${name} (${person})`;
  });
  return [`signed by: ${names.join(' and ')}`];
}

/** An outcome for people; the first line says how it ended. */
export function showOutcome<V extends Verb>(
  verb: V,
  outcome: OrderOutcome<V>,
  options: ShowOptions = {},
): string[] {
  switch (outcome.is) {
    case 'receipt':
      return receiptLines(verb, outcome.receipt, outcome.result, options);
    case 'staged':
      return stagedLines(outcome);
    case 'rejected':
      return refusalLines(outcome.refusal);
    case 'unreachable':
      return unreachableLines(outcome);
    case 'no-answer':
      return [
        `no answer: the device took the order and then fell silent${outcome.stage === undefined ? '' : ` at "${outcome.stage}"`}`,
        'remedy: what became of it is not known; look with "nightshift tasks" and "nightshift audit"',
      ];
    case 'conflict':
      return [
        'conflict: the device holds a receipt for another packet with this order id',
        `remedy: look at its audit log; the other packet has SHA-256 ${toHex(outcome.receipt.order)}`,
      ];
  }
}

function stagedLines({ id, waits, leftSeconds }: Extract<OrderOutcome, { is: 'staged' }>): string[] {
  return [
    `staged as ${toHex(id)}: the device keeps the order, and NOTHING of it is on the disk yet`,
    `waits for ${waits.code}: ${waits.sentence}`,
    `dropped in ${formatDuration(milliseconds(leftSeconds * 1000))} of the device's running time, if it cannot be done before`,
  ];
}

function unreachableLines(outcome: Extract<OrderOutcome, { is: 'unreachable' }>): string[] {
  const who = outcome.sent
    ? outcome.presence === 'offline'
      ? 'the device is offline'
      : 'the device does not answer'
    : 'the broker did not confirm the order';
  const until =
    outcome.validUntil === undefined
      ? 'the order does not expire: the device obeys it when it comes back'
      : `the order stays valid until ${timeText(outcome.validUntil)}: a device that comes back before may still obey it`;
  return [`unreachable: ${who}`, ...(outcome.sent ? [`note: ${until}`] : [])];
}
