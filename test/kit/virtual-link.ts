import type { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { milliseconds } from '../../src/base/index.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { BlockMessage } from '../../src/protocol/index.ts';
import type { BlockPort } from '../../src/transfer/index.ts';

export interface LinkFaults {
  /** One way. */
  readonly latencyMs?: number;
  /** Later by up to this, so that messages overtake each other. */
  readonly jitterMs?: number;
  readonly bytesPerMs?: number;
  readonly loss?: number;
  readonly duplicate?: number;
}

const never = (): AbortSignal => new AbortController().signal;
const sizeOf = (message: BlockMessage): number => (message.t === 'data' ? message.d.byteLength : 64);

/** Two block ports with a bad line between them, in virtual time. */
export class VirtualLink {
  readonly left: BlockPort;
  readonly right: BlockPort;
  /** Messages handed in, and chunks delivered. */
  sent = 0;
  chunks: number[] = [];
  /** After this many messages nothing passes any more, and `onCut` is called. */
  cutAfter = Number.POSITIVE_INFINITY;
  onCut: () => void = () => undefined;
  readonly #clock: Clock;
  readonly #faults: LinkFaults;
  readonly #entropy: SeededEntropy;
  readonly #handlers = {
    left: new Set<(m: BlockMessage) => void>(),
    right: new Set<(m: BlockMessage) => void>(),
  };
  readonly #busyUntil = { left: 0, right: 0 };

  constructor(clock: Clock, entropy: SeededEntropy, faults: LinkFaults = {}) {
    this.#clock = clock;
    this.#entropy = entropy;
    this.#faults = faults;
    this.left = this.#port('left', 'right');
    this.right = this.#port('right', 'left');
  }

  #port(here: 'left' | 'right', there: 'left' | 'right'): BlockPort {
    return {
      send: async (message) => {
        this.sent += 1;
        if (this.sent === this.cutAfter + 1) this.onCut();
        if (this.sent > this.cutAfter) return;
        if (message.t === 'data') this.chunks.push(message.i);
        const copies = this.#entropy.fraction() < (this.#faults.duplicate ?? 0) ? 2 : 1;
        for (let i = 0; i < copies; i += 1) this.#carry(message, there);
        const roundTrip = 2 * (this.#faults.latencyMs ?? 0);
        if (roundTrip > 0) await this.#clock.sleep(milliseconds(roundTrip), never());
      },
      onMessage: (_id, handler) => {
        this.#handlers[here].add(handler);
        return () => this.#handlers[here].delete(handler);
      },
    };
  }

  #carry(message: BlockMessage, there: 'left' | 'right'): void {
    if (this.#entropy.fraction() < (this.#faults.loss ?? 0)) return;
    const now = this.#clock.monotonic();
    const line = this.#faults.bytesPerMs === undefined ? 0 : sizeOf(message) / this.#faults.bytesPerMs;
    this.#busyUntil[there] = Math.max(now, this.#busyUntil[there]) + line;
    const jitter = this.#entropy.fraction() * (this.#faults.jitterMs ?? 0);
    const at = this.#busyUntil[there] + (this.#faults.latencyMs ?? 0) + jitter;
    void this.#clock.sleep(milliseconds(at - now), never()).then(() => {
      for (const handler of this.#handlers[there]) handler(structuredClone(message));
    });
  }
}
