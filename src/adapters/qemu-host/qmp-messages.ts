import { NsError } from '../../base/index.ts';

/** QEMU's own word that something happened: "RESUME", "STOP", "RESET", "SHUTDOWN", "SUSPEND", "WAKEUP", … */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type QmpMessage =
  | { readonly is: 'greeting'; readonly version: string }
  | { readonly is: 'answer'; readonly id: string; readonly value: unknown }
  | {
      readonly is: 'refusal';
      readonly id: string | undefined;
      readonly kind: string;
      readonly sentence: string;
    }
  | ({ readonly is: 'event' } & QmpEvent);

/** Characters. Of all that we ask, the list of block nodes is the longest: some 1,000 a node. */
export const LONGEST_QMP_LINE = 1024 * 1024;

/** Cuts text into lines, and holds at most one that is not whole. NS_QMP_PROTOCOL where that grows without an end. */
export class QmpLines {
  #rest = '';

  push(text: string): string[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LONGEST_QMP_LINE || lines.some((line) => line.length > LONGEST_QMP_LINE)) {
      this.#rest = '';
      throw protocolError('a message without an end');
    }
    return lines.filter((line) => line.trim() !== '');
  }
}

/** NS_QMP_PROTOCOL for whatever is no message of QMP. */
export function parseQmpMessage(line: string): QmpMessage {
  const message = objectOf(parseJson(line));
  if (message === undefined) throw protocolError('a message that is no object');
  if (typeof message.event === 'string') {
    return { is: 'event', event: message.event, data: objectOf(message.data) ?? {} };
  }
  const id = typeof message.id === 'string' ? message.id : undefined;
  const error = objectOf(message.error);
  if (error !== undefined) {
    return { is: 'refusal', id, kind: String(error.class), sentence: String(error.desc).slice(0, 1000) };
  }
  if ('return' in message && id !== undefined) return { is: 'answer', id, value: message.return };
  const greeting = objectOf(message.QMP);
  if (greeting !== undefined) return { is: 'greeting', version: versionOf(greeting) };
  throw protocolError('a message that is neither greeting, answer nor event');
}

function versionOf(greeting: Readonly<Record<string, unknown>>): string {
  const numbers = objectOf(objectOf(greeting.version)?.qemu);
  return [numbers?.major, numbers?.minor, numbers?.micro]
    .map((n) => (typeof n === 'number' ? n : '?'))
    .join('.');
}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw protocolError('a line that is not JSON', cause);
  }
}

function protocolError(what: string, cause?: unknown): NsError {
  return new NsError('NS_QMP_PROTOCOL', `QEMU's monitor sent ${what}`, { family: 'peer', cause });
}
