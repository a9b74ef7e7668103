import type { Fis } from '../fis/fis.ts';
import { AtaFault } from '../target.ts';
import type { Nanoseconds, Scheduler } from '../time.ts';
import { Budget } from './budget.ts';
import { pioSetup } from './device-answers.ts';
import type { Outbox } from './outbox.ts';

/**
 * How a phase is opened. Queued: by DMA Setup, which names a buffer of the host and the byte in it. DMA: by nothing
 * towards the host, by DMA Activate from it. Programmed input and output: by PIO Setup, a sector a phase.
 */
export type Opening =
  | { readonly by: 'queue'; readonly tag: number; readonly offset: number }
  | { readonly by: 'dma' }
  | { readonly by: 'pio'; readonly last: boolean };

interface Receiving {
  readonly into: Uint8Array;
  /** Each further Data FIS needs a DMA Activate. */
  readonly activates: boolean;
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

  /** Sends the bytes; then `after`, before any other phase begins. */
  async toHost(bytes: Uint8Array, opening: Opening, signal: AbortSignal, after?: () => void): Promise<void> {
    const release = await this.#turn.take(1, signal);
    try {
      signal.throwIfAborted();
      if (opening.by !== 'dma') await this.#outbox.send(openingFis(opening, bytes.byteLength, true));
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
  async fromHost(into: Uint8Array, opening: Opening, signal: AbortSignal): Promise<void> {
    const release = await this.#turn.take(1, signal);
    try {
      signal.throwIfAborted();
      await new Promise<void>((done, fail) => {
        this.#receiving = { into, activates: opening.by !== 'pio', got: 0, signal, done, fail };
        this.#startTimer();
        this.#outbox.post(openingFis(opening, into.byteLength, false));
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
    if (receiving.activates) this.#outbox.post({ type: 'dma-activate', port: 0 });
  }

  #startTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#scheduler.after(this.#patience, () =>
      this.#receiving?.fail(new AtaFault('LINK', 'the host stopped sending data')),
    );
  }
}

function openingFis(opening: Opening, count: number, toHost: boolean): Fis {
  switch (opening.by) {
    case 'dma':
      return { type: 'dma-activate', port: 0 };
    case 'pio':
      return pioSetup(count, toHost, toHost && opening.last);
    case 'queue':
      return {
        type: 'dma-setup',
        port: 0,
        toHost,
        interrupt: false,
        // The first Data FIS of the host then needs no DMA Activate.
        autoActivate: !toHost,
        bufferLow: opening.tag,
        bufferHigh: 0,
        offset: opening.offset,
        count,
      };
  }
}
