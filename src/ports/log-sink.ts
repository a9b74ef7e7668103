export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where log lines go. Fields are flat; no secret is ever a field. */
export interface LogSink {
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
}
