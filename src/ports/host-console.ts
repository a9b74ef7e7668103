import type { Stop } from './clock.ts';

/** The host's serial console: the other end of its UART. */
export interface HostConsole {
  /** False where the line has no room: nothing was taken. */
  write(bytes: Uint8Array): boolean;
  onData(listener: (bytes: Uint8Array) => void): Stop;
  sendBreak?(): Promise<void>;
  /** Whether somebody is at the other end: told at once, and at each change. Absent where that cannot be known. */
  onAvailable?(listener: (available: boolean) => void): Stop;
  /**
   * The right to write, which one has at a time. `onTaken` is called where somebody takes it away. Absent where whoever has the
   * console is alone with it.
   */
  claim?(who: string, onTaken: () => void): ConsoleClaim;
}

export type ConsoleClaim =
  | { readonly ok: true; readonly release: Stop }
  | { readonly ok: false; readonly holder: string };
