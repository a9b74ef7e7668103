import type { Duration } from '../base/index.ts';
import type { Stop } from './clock.ts';

/**
 * An open serial line, raw: eight bits, no parity, one stop bit, no flow control by characters. Nothing tells whether
 * anybody listens at the other end.
 */
export interface SerialLine {
  /** For people and logs: "/dev/ttyUSB0". */
  readonly name: string;
  /**
   * Queues bytes for the line. False where as much waits already as the line was opened to hold, or it has hung up:
   * nothing was taken. With nothing waiting, any length is taken.
   */
  write(bytes: Uint8Array): boolean;
  /** Resolves when write takes bytes again, or the line has hung up; rejects with the signal's reason. */
  room(signal: AbortSignal): Promise<void>;
  onData(listener: (bytes: Uint8Array) => void): Stop;
  /** Called once, at once where it is so already: the adapter was pulled, or close was called. */
  onHangUp(listener: (reason: string) => void): Stop;
  /** Bits a second. NS_SERIAL where the line does not take it. */
  setBaudRate(baudRate: number): Promise<void>;
  /** Holds the line in the break condition for this long. */
  sendBreak(duration: Duration): Promise<void>;
  /** Resolves when all bytes written before have left; NS_SERIAL where the line hung up first. */
  drained(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
