import type { ByteCount, Duration } from '../base/index.ts';
import type { Stop } from './clock.ts';

/**
 * What a frame carries: `signal` a level on the SATA wires, `fis` one frame information structure, `state` chain
 * synchronisation, `relay` a signed envelope for a neighbour.
 */
export type ChainChannel = 'signal' | 'fis' | 'state' | 'relay';

export interface ChainFrame {
  readonly channel: ChainChannel;
  /** Not changed by anyone once it is sent. */
  readonly bytes: Uint8Array;
}

/**
 * The cable between two neighbouring units, both ways. A frame arrives whole or not at all, unchanged, at most once and
 * in the order of sending; it may be lost. Listeners are called one frame at a time and must not block.
 */
export interface ChainLink {
  /** For people and logs: "unit2.pto", "/dev/ttyUSB0". */
  readonly name: string;
  readonly capabilities: {
    readonly largestFrame: ByteCount;
    /** False where frames can get lost while the link stays connected. */
    readonly lossless: boolean;
    /** The longest that a small frame and its answer take on an idle link: timers above are scaled by it. */
    readonly roundTrip: Duration;
  };
  /** False where the bounded send queue is full or the link is not connected: nothing was sent. Throws NS_LINK_FRAME where the frame is too large. */
  send(frame: ChainFrame): boolean;
  /** Resolves when there is room for a frame again, or the link is closed. */
  room(signal: AbortSignal): Promise<void>;
  onFrame(listener: (frame: ChainFrame) => void): Stop;
  /** Called at once with the present state, then at every change. */
  onConnection(listener: (connected: boolean) => void): Stop;
  /** What is not sent yet is dropped. */
  close(): Promise<void>;
}
