import type { ChainFrame, Stop } from '../../ports/index.ts';

/** Who listens to a link: for frames, and for whether it is connected. */
export class LinkListeners {
  readonly #frames = new Set<(frame: ChainFrame) => void>();
  readonly #connection = new Set<(connected: boolean) => void>();
  #connected = false;

  get connected(): boolean {
    return this.#connected;
  }

  onFrame(listener: (frame: ChainFrame) => void): Stop {
    this.#frames.add(listener);
    return () => this.#frames.delete(listener);
  }

  onConnection(listener: (connected: boolean) => void): Stop {
    // A function of its own each time: one listener given twice is two.
    const own = (connected: boolean): void => listener(connected);
    this.#connection.add(own);
    own(this.#connected);
    return () => this.#connection.delete(own);
  }

  frame(frame: ChainFrame): void {
    for (const listener of this.#frames) listener(frame);
  }

  connection(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    for (const listener of [...this.#connection]) {
      if (this.#connected === connected) listener(connected);
    }
  }
}
