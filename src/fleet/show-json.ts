import { type NsError, toHex } from '../base/index.ts';
import type { Verb } from '../protocol/index.ts';
import { cleanJson } from '../show/index.ts';
import { JSON_VERSION, type JsonLineName } from './json-lines.ts';
import type { OrderEvent } from './order-run.ts';
import type { OrderOutcome } from './outcome.ts';

/** Bytes as lowercase hexadecimal digits. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** One JSON object, one line, which says what kind of line it is. */
export function jsonLine(line: JsonLineName, fields: Readonly<Record<string, unknown>>): string {
  const head = { v: JSON_VERSION, line };
  // A document has a version of its own.
  return cleanJson(JSON.stringify({ ...head, ...(plain(fields) as Record<string, unknown>), ...head }));
}

/** The answer of one host. */
export function outcomeJson(
  host: string,
  verb: Verb,
  outcome: OrderOutcome,
  more: { readonly file?: unknown; readonly fault?: NsError } = {},
): string {
  const local =
    more.fault === undefined ? {} : { fault: { code: more.fault.code, sentence: more.fault.message } };
  const file = more.file === undefined ? {} : { file: more.file };
  return jsonLine('answer', { host, verb, ...outcomeFields(outcome), ...file, ...local });
}

function outcomeFields(outcome: OrderOutcome): Readonly<Record<string, unknown>> {
  switch (outcome.is) {
    case 'receipt': {
      const {
        outcome: ended,
        id,
        askers,
        refusal,
        failure,
        result,
        power,
        lock,
        tookMs,
        receivedAt,
        seq,
      } = outcome.receipt;
      return { outcome: ended, id, askers, refusal, failure, result, power, lock, tookMs, receivedAt, seq };
    }
    case 'staged':
      return { outcome: 'staged', id: outcome.id, waits: outcome.waits, leftSeconds: outcome.leftSeconds };
    case 'rejected':
      return { outcome: 'refused', refusal: outcome.refusal };
    case 'unreachable':
      return {
        outcome: 'unreachable',
        sent: outcome.sent,
        presence: outcome.presence,
        validUntil: outcome.validUntil,
      };
    case 'no-answer':
      return { outcome: 'no-answer', stage: outcome.stage };
    case 'conflict':
      return { outcome: 'conflict', id: outcome.receipt.id, order: outcome.receipt.order };
  }
}

/** An event on the way to an answer. */
export function eventJson(host: string, event: OrderEvent): string {
  const { v: _version, device: _device, boot: _boot, ...fields } = event;
  return jsonLine('event', { host, ...fields });
}
