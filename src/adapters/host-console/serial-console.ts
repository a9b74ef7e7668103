import { milliseconds } from '../../base/index.ts';
import type { HostConsole } from '../../ipmi/index.ts';
import type { SerialLine } from '../../ports/index.ts';

/** As long as a host takes for a break, and about what IPMI 2.0 (table 15-2) asks for. */
const BREAK = milliseconds(300);

/** A host's serial console at the other end of a serial line of ours, which whoever opened it closes. */
export function serialConsole(line: SerialLine): HostConsole {
  return {
    write: (bytes) => line.write(bytes),
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
