import { milliseconds } from '../../base/index.ts';
import type { HostConsole } from '../../ipmi/index.ts';
import type { SerialLine } from '../../ports/index.ts';

type ConsoleLine = Pick<SerialLine, 'write' | 'onData' | 'onHangUp' | 'sendBreak' | 'drained'>;

/** As long as a host takes for a break, and about what IPMI 2.0 (table 15-2) asks for. */
const BREAK = milliseconds(300);

/** Bytes on their way that nothing takes back, a second of them at 9600 bit/s: who writes may be told to stop. */
const MOST_WAITING = 1024;

/**
 * A host's serial console at the other end of a serial line of ours, which whoever opened it closes. Takes no more than the
 * line sends in a moment; where nothing waits, any length is taken.
 */
export function serialConsole(line: ConsoleLine): HostConsole {
  const never = new AbortController().signal;
  let waiting = 0;
  let draining = false;
  const drain = async (): Promise<void> => {
    draining = true;
    while (waiting > 0) {
      const all = waiting;
      // A line that is gone takes nothing anyway.
      await line.drained(never).catch(() => undefined);
      waiting -= all;
    }
    draining = false;
  };
  return {
    write(bytes) {
      if (waiting > 0 && waiting + bytes.byteLength > MOST_WAITING) return false;
      if (!line.write(bytes)) return false;
      waiting += bytes.byteLength;
      if (!draining) void drain();
      return true;
    },
    onData: (listener) => line.onData(listener),
    sendBreak: () => line.sendBreak(BREAK),
    onAvailable(listener) {
      let up = true;
      const stop = line.onHangUp(() => {
        up = false;
        listener(false);
      });
      if (up) listener(true);
      return stop;
    },
  };
}
