import type { HostConsole } from '../../ipmi/index.ts';
import type { IoDevices, Stop } from '../../ports/index.ts';

/** Bytes on their way that nothing takes back: who writes may be told to stop. */
const MOST_WAITING = 1024;

/** Where the host can be heard without taking from whoever reads the channel. */
interface Tapped {
  readonly tap?: (channel: string, listener: (bytes: Uint8Array) => void) => Stop;
}

/** A host's serial console that is an enrolled uart channel. What cannot be written is lost, as on any wire. */
export function uartConsole(io: IoDevices & Tapped, channel: string): HostConsole {
  let waiting = 0;
  let turn: Promise<void> = Promise.resolve();
  return {
    write(bytes) {
      if (waiting > 0 && waiting + bytes.byteLength > MOST_WAITING) return false;
      const own = bytes.slice();
      waiting += own.byteLength;
      turn = turn
        .then(() => io.write(channel, own))
        .catch(() => undefined)
        .then(() => {
          waiting -= own.byteLength;
        });
      return true;
    },
    onData: (listener) =>
      io.tap?.(channel, listener) ??
      io.watch(channel, (value) => {
        if (typeof value !== 'number' && value.byteLength > 0) listener(value);
      }),
  };
}
