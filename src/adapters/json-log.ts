import { hostname } from 'node:os';
import type { LogLevel, LogSink } from '../ports/index.ts';
import { type LineStream, type LogOptions, lineLog } from './log.ts';

/** As pino numbers them. */
const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

/**
 * One JSON object a line, by pino's conventions: level as a number, time in milliseconds since 1970, pid, hostname, name,
 * then the fields, and msg. What is not pino's: a reader that does not keep up costs lines, never memory.
 */
export function jsonLog(stream: LineStream, options: LogOptions & { readonly name?: string } = {}): LogSink {
  const { name } = options;
  const process_ = { pid: process.pid, hostname: hostname(), ...(name === undefined ? {} : { name }) };
  return lineLog(stream, options, (level, event, fields) => {
    const head = { level: LEVELS[level], time: Date.now(), ...process_ };
    // No field can stand for what the head or the message says.
    return `${JSON.stringify(Object.assign({}, head, fields, head, { msg: event }))}\n`;
  });
}
