import type { ChainFrame, Stop } from '../../ports/index.ts';
import { Connection } from '../../sata-chain/index.ts';

/** Who listens to a link: for frames, and for whether it is connected. */
export class LinkListeners {
  readonly #frames = new Set<(frame: ChainFrame) => void>();
  readonly #connection = new Connection();

  get connected(): boolean {
    return this.#connection.up;
  }

  onFrame(listener: (frame: ChainFrame) => void): Stop {
    const own = (frame: ChainFrame): void => listener(frame);
    this.#frames.add(own);
    return () => this.#frames.delete(own);
  }

  onConnection(listener: (connected: boolean) => void): Stop {
    return this.#connection.onChange(listener);
  }

  frame(frame: ChainFrame): void {
    for (const listener of this.#frames) listener(frame);
  }

  connection(connected: boolean): void {
    this.#connection.tell(connected);
  }
}
