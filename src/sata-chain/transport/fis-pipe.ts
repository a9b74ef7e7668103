import type { Stop } from '../../ports/index.ts';

/** Whole FISes both ways, in order; they may be lost. */
export interface FisPipe {
  /** Bytes of the largest FIS that goes through, at least 36. */
  readonly largest: number;
  /** False where there is no room or no connection: nothing was sent. */
  send(fis: Uint8Array): boolean;
  /** Ends when there may be room again, or never will be. */
  room(signal: AbortSignal): Promise<void>;
  onFis(listener: (fis: Uint8Array) => void): Stop;
  /** Called at once with the present state, then at every change. */
  onConnection(listener: (connected: boolean) => void): Stop;
}
