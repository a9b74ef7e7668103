import { toHex } from '../../base/index.ts';
import type { Stop } from '../../ports/index.ts';
import type { BlockMessage } from '../../protocol/index.ts';
import type { BlockPort } from '../../transfer/index.ts';

type Take = (message: BlockMessage) => void;

/** The way between a task and the line of the console. */
export interface LineBlocks {
  /** To the task. */
  readonly give: (message: BlockMessage) => void;
  readonly end: Stop;
}

interface Line {
  readonly take: Take;
  readonly tasks: Set<Take>;
  /** For a task that has offered and does not listen yet. */
  readonly early: BlockMessage[];
}

const MOST_EARLY = 16;

/** The way of blocks over the network, but for the transfers that go over the line of the console. */
export class ConsoleBlocks implements BlockPort {
  readonly #network: BlockPort;
  readonly #byNeighbour: (() => boolean) | undefined;
  readonly #lines = new Map<string, Line>();

  /** `byNeighbour`: whether there is no network for files. */
  constructor(network: BlockPort, byNeighbour?: () => boolean) {
    this.#network = network;
    this.#byNeighbour = byNeighbour;
  }

  /** What is said of this transfer goes to `take` from now on, and what the network says of it is nobody's. */
  divert(id: Uint8Array, take: Take): LineBlocks {
    const key = toHex(id);
    const tasks = new Set<Take>();
    const early: BlockMessage[] = [];
    this.#lines.set(key, { take, tasks, early });
    return {
      give: (message) => {
        if (tasks.size === 0 && early.length < MOST_EARLY) early.push(message);
        for (const task of [...tasks]) task(message);
      },
      end: () => void this.#lines.delete(key),
    };
  }

  /** For what needs a network: whether there is none that carries this transfer. */
  readonly missing = (id?: Uint8Array): boolean =>
    (id === undefined || !this.#lines.has(toHex(id))) && this.#byNeighbour?.() === true;

  async send(message: BlockMessage): Promise<void> {
    const line = this.#lines.get(toHex(message.id));
    if (line === undefined) return this.#network.send(message);
    line.take(message);
  }

  onMessage(id: Uint8Array, handler: Take): Stop {
    const line = this.#lines.get(toHex(id));
    if (line === undefined) return this.#network.onMessage(id, handler);
    line.tasks.add(handler);
    for (const message of line.early.splice(0)) handler(message);
    return () => void line.tasks.delete(handler);
  }
}
