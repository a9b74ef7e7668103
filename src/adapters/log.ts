import type { LogLevel, LogSink } from '../ports/index.ts';

/** Where lines go: process.stderr, a file stream, a test's array. */
export interface LineStream {
  write(text: string): unknown;
  /** Bytes accepted but not yet written, where the stream knows. */
  readonly writableLength?: number;
}

export interface LogOptions {
  /** The least important level still written. */
  readonly level?: LogLevel;
}

type Fields = Readonly<Record<string, string | number | boolean>>;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const MAX_VALUE = 512;
const MAX_FIELDS = 24;
/** A reader that does not keep up costs lines, never memory. */
const MAX_UNWRITTEN = 1024 * 1024;

const SECRET_NAME = /pass(word|phrase|code)|secret|private|credential|token|\bpin\b|seed/i;
const PEM_PRIVATE = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** The scheme's length is bounded: without that a long run of letters takes quadratic time. */
const URL_USERINFO = /\b([a-z][a-z0-9+.-]{0,15}:\/\/)[^/@\s]+@/gi;
const MAX_EXAMINED = 4096;

/** Masks what looks like a secret, and shortens: the last net under the rule that no secret is ever a field. */
function presentable(name: string, value: string | number | boolean): string | number | boolean {
  if (SECRET_NAME.test(name)) return '[hidden]';
  if (typeof value !== 'string') return value;
  const masked = value
    .slice(0, MAX_EXAMINED)
    .replace(PEM_PRIVATE, '[hidden]')
    .replace(URL_USERINFO, '$1[hidden]@');
  return masked.length > MAX_VALUE ? `${masked.slice(0, MAX_VALUE)}…` : masked;
}

function presentableFields(fields: Fields): Record<string, string | number | boolean> {
  const out: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields).slice(0, MAX_FIELDS)) {
    out[name] = presentable(name, value);
  }
  return out;
}

/** Control characters spelt out, so that text from the network cannot drive the reader's terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** Lines of one shape. What looks like a secret is masked before it is shaped, and everything is shortened. */
export function lineLog(
  stream: LineStream,
  options: LogOptions,
  line: (level: LogLevel, event: string, fields: Fields) => string,
): LogSink {
  const least = LEVELS.indexOf(options.level ?? 'info');
  let dropped = 0;
  return {
    log(level, event, fields = {}) {
      if (LEVELS.indexOf(level) < least) return;
      if ((stream.writableLength ?? 0) > MAX_UNWRITTEN) {
        dropped += 1;
        return;
      }
      if (dropped > 0) stream.write(line('warn', 'log-lines-dropped', { count: dropped }));
      dropped = 0;
      stream.write(line(level, event.slice(0, MAX_VALUE), presentableFields(fields)));
    },
  };
}

/** "12:00:01 warn order-refused code=REPLAYED". */
export function humanLog(stream: LineStream, options: LogOptions = {}): LogSink {
  return lineLog(stream, options, (level, event, fields) => {
    const rest = Object.entries(fields).map(([name, value]) => {
      const text = printable(String(value));
      return ` ${printable(name)}=${/[\s"]/.test(text) ? JSON.stringify(text) : text}`;
    });
    const time = new Date().toISOString().slice(11, 19);
    return `${time} ${level.padEnd(5)} ${printable(event)}${rest.join('')}\n`;
  });
}

export const silentLog: LogSink = { log: () => {} };
