import type { StreamEvents } from './wire.ts';

/** One event of a server-sent event stream. JSON has no line ends of its own. */
export function frameEvent<E extends keyof StreamEvents>(event: E, data: StreamEvents[E]): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Keeps the connection known to be alive; no event. */
export const STILL_THERE = ':\n\n';
