import type { RunEvents } from './order-wire.ts';
import type { StreamEvents } from './wire.ts';

/** One event of a server-sent event stream. JSON has no line ends of its own. */
function frame(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function frameEvent<E extends keyof StreamEvents>(event: E, data: StreamEvents[E]): string {
  return frame(event, data);
}

/** The same of the stream that one run has. */
export function frameRun<E extends keyof RunEvents>(event: E, data: RunEvents[E]): string {
  return frame(event, data);
}

/** Keeps the connection known to be alive; no event. */
export const STILL_THERE = ':\n\n';
