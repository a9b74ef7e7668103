import type { LogRecord } from './log-record.ts';
import { Neutral } from './neutral.ts';

/** A line of a host without end is broken there. */
const LONGEST = 1024;

/** Records as lines of text: what the host said, and between it in brackets when it came and what of it is missing. */
export function logLines(
  records: readonly LogRecord[],
  timeText: (seconds: number) => string,
): readonly string[] {
  const lines: string[] = [];
  let neutral = new Neutral();
  let line = '';
  const add = (bytes: Uint8Array): void => {
    const parts = (line + neutral.take(bytes)).split('\r\n');
    line = parts.pop() ?? '';
    for (const part of parts) lines.push(part);
    while (line.length > LONGEST) {
      lines.push(line.slice(0, LONGEST));
      line = line.slice(LONGEST);
    }
  };
  const endLine = (): void => {
    if (line !== '') lines.push(line);
    line = '';
  };
  for (const [i, { seq, marks, bytes }] of records.entries()) {
    const before = records[i - 1];
    let from = 0;
    if (before !== undefined && seq !== before.seq + 1) {
      endLine();
      lines.push('[something is missing here]');
    }
    for (const mark of marks) {
      add(bytes.subarray(from, mark.at));
      from = mark.at;
      if (mark.is === 'time') {
        // Inside a line of the host no other stands.
        if (line === '') lines.push(`[${timeText(mark.seconds)}]`);
        continue;
      }
      endLine();
      neutral = new Neutral();
      lines.push(
        mark.is === 'start'
          ? `[${timeText(mark.seconds)}: the agent was started]`
          : `[${mark.count} bytes were not kept: they came too fast]`,
      );
    }
    add(bytes.subarray(from));
  }
  endLine();
  return lines;
}
