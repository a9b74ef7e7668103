import type { DmaSetup } from '../fis/fis.ts';
import { AtaFault } from '../target.ts';
import type { Nanoseconds, Scheduler } from '../time.ts';
import { Budget } from './budget.ts';
import type { Outbox } from './outbox.ts';

/** Of a queued command: which buffer of the host, from which byte. */
export interface HostBuffer {
  readonly tag: number;
  readonly offset: number;
}

interface Receiving {
  readonly into: Uint8Array;
  got: number;
  readonly signal: AbortSignal;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * The data phases of a device, one at a time: data FISes belong to the phase that is open, for they name no command. From
 * the host comes one Data FIS for each DMA Activate; one that nobody asked for is dropped.
 */
export class DataPhases {
  readonly #outbox: Outbox;
  readonly #scheduler: Scheduler;
  readonly #patience: Nanoseconds;
  readonly #turn = new Budget(1);
  #receiving: Receiving | undefined;
  #cancelTimer: (() => void) | undefined;

  /** `patience`: how long a host may take for each Data FIS. */
  constructor(outbox: Outbox, scheduler: Scheduler, patience: Nanoseconds) {
    this.#outbox = outbox;
    this.#scheduler = scheduler;
    this.#patience = patience;
  }

  /** Sends the bytes, after a DMA Setup where there is a buffer to name; then `after`, before any other phase begins. */
  async toHost(
    bytes: Uint8Array,
    buffer: HostBuffer | undefined,
    signal: AbortSignal,
    after?: () => void,
  ): Promise<void> {
    const release = await this.#turn.take(1, signal);
    try {
      signal.throwIfAborted();
      if (buffer !== undefined) await this.#outbox.send(setup(buffer, bytes.byteLength, true));
      for (let at = 0; at < bytes.byteLength; at += this.#outbox.chunk) {
        signal.throwIfAborted();
        const payload = bytes.subarray(at, at + this.#outbox.chunk);
        // Undefined where the pipe took it at once: no turn of the event loop is lost on it.
        const sent = this.#outbox.send({ type: 'data', port: 0, payload });
        if (sent !== undefined) await sent;
      }
      signal.throwIfAborted();
      after?.();
    } finally {
      release();
    }
  }

  /** Fills `into`. Throws NS_ATA_LINK where the host sends too much at once, or nothing for too long. */
  async fromHost(into: Uint8Array, buffer: HostBuffer | undefined, signal: AbortSignal): Promise<void> {
    const release = await this.#turn.take(1, signal);
    try {
      signal.throwIfAborted();
      await new Promise<void>((done, fail) => {
        this.#receiving = { into, got: 0, signal, done, fail };
        this.#startTimer();
        this.#outbox.post(
          buffer === undefined ? { type: 'dma-activate', port: 0 } : setup(buffer, into.byteLength, false),
        );
      });
    } finally {
      this.#cancelTimer?.();
      this.#receiving = undefined;
      release();
    }
  }

  /** To be called after a signal was aborted: ends what it stopped. */
  sweep(): void {
    this.#turn.sweep();
    const receiving = this.#receiving;
    if (receiving?.signal.aborted === true) receiving.fail(receiving.signal.reason);
  }

  onData(payload: Uint8Array): void {
    const receiving = this.#receiving;
    if (receiving === undefined) return;
    if (payload.byteLength > receiving.into.byteLength - receiving.got) {
      receiving.fail(new AtaFault('LINK', 'the host sent more data than asked for'));
      this.#receiving = undefined;
      return;
    }
    receiving.into.set(payload, receiving.got);
    receiving.got += payload.byteLength;
    if (receiving.got === receiving.into.byteLength) {
      receiving.done();
      this.#receiving = undefined;
      return;
    }
    this.#startTimer();
    this.#outbox.post({ type: 'dma-activate', port: 0 });
  }

  #startTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#scheduler.after(this.#patience, () =>
      this.#receiving?.fail(new AtaFault('LINK', 'the host stopped sending data')),
    );
  }
}

/** The first Data FIS of the host needs no DMA Activate. */
const setup = ({ tag, offset }: HostBuffer, count: number, toHost: boolean): DmaSetup => ({
  type: 'dma-setup',
  port: 0,
  toHost,
  interrupt: false,
  autoActivate: !toHost,
  bufferLow: tag,
  bufferHigh: 0,
  offset,
  count,
});
