import type { Stop } from '../ports/index.ts';
import type { BlockMessage } from '../protocol/index.ts';

/** One end of a block conversation, whatever carries it. Messages may be lost, repeated and reordered. */
export interface BlockPort {
  /** Resolves when the message is on its way; the window of the transfer bounds how many are under way. */
  send(message: BlockMessage): Promise<void>;
  /** Messages of the transfer with this id. */
  onMessage(id: Uint8Array, handler: (message: BlockMessage) => void): Stop;
  /**
   * Until stopped, blocks make room for what cannot wait: what is to be sent waits, what comes is lost. Absent where
   * blocks are in nobody's way.
   */
  standBack?(): Stop;
}
